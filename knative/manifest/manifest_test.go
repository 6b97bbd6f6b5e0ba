package manifest_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	eventing "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/pkg/apis"

	"github.com/modelfn/modelfn/framework"
	"github.com/modelfn/modelfn/functions/quantile"
	"github.com/modelfn/modelfn/knative/function"
	"github.com/modelfn/modelfn/knative/manifest"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// describe is what the program of a sample model is.
func describe(t *testing.T, name string) map[string]framework.Description {
	t.Helper()
	d, err := quantile.Model(name).Describe()
	require.NoError(t, err)
	return map[string]framework.Description{name: d}
}

// load reads one spec file.
func load(t *testing.T, path string) function.Spec {
	t.Helper()
	specs, err := function.Load(path)
	require.NoError(t, err)
	require.Len(t, specs, 1)
	return specs[0]
}

// TestGolden: each spec of testdata, and the samples', with what is made of it, which
// Knative takes.
func TestGolden(t *testing.T) {
	cases := map[string]struct {
		file string
		cfg  manifest.Config
	}{
		"model-a":     {"../../functions/model-a", manifest.Config{Descriptions: describe(t, "model-a")}},
		"component-d": {"../../functions/component-d", manifest.Config{Namespace: "team-b", Broker: "orders"}},
		"smallest":    {"testdata/smallest.yaml", manifest.Config{Images: map[string]string{"m": "registry.local:5000/modelfn/m" + digest}}},
		"everything": {"testdata/everything.yaml", manifest.Config{
			Namespace: "team-a", Broker: "orders",
			Images: map[string]string{"model-e": "registry.local:5000/modelfn/model-e" + digest, "model-b": "other"},
		}},
		"ko": {"testdata/ko.yaml", manifest.Config{}},
	}
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			o, err := manifest.New(load(t, tt.file), tt.cfg)
			require.NoError(t, err)
			var text bytes.Buffer
			require.NoError(t, manifest.Write(&text, o))
			path := filepath.Join("testdata", name+".golden.yaml")
			if *update {
				require.NoError(t, os.WriteFile(path, text.Bytes(), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), text.String(), "out of date: go test -update")
			if o.Trigger != nil {
				eventingTakes(t, o)
			}
		})
	}
}

// eventingTakes lets Eventing's own code read the Trigger as it is written: it finds
// nothing wrong, and changes nothing of what it says.
func eventingTakes(t *testing.T, o *manifest.Objects) {
	t.Helper()
	list, err := o.Unstructured()
	require.NoError(t, err)
	written, err := list[1].MarshalJSON()
	require.NoError(t, err)

	var trigger eventing.Trigger
	require.NoError(t, json.Unmarshal(written, &trigger, json.RejectUnknownMembers(true)))
	require.Equal(t, eventing.SchemeGroupVersion.WithKind("Trigger"), trigger.GroupVersionKind())
	require.Equal(t, o.Trigger.Spec.Broker, trigger.Spec.Broker)
	require.Equal(t, o.Trigger.Spec.Subscriber, trigger.Spec.Subscriber)
	before := trigger.DeepCopy()
	ctx := apis.WithinCreate(t.Context())
	trigger.SetDefaults(ctx)
	require.Nil(t, trigger.Validate(ctx).Filter(apis.ErrorLevel))
	require.Equal(t, before.Spec.Filter, trigger.Spec.Filter)
	require.Equal(t, o.Trigger.Namespace, trigger.Spec.Subscriber.Ref.Namespace, "its own namespace is the default")
}

// What Knative's defaults must not add, and what a manifest must not say.
func TestDefaulted(t *testing.T) {
	o, err := manifest.New(load(t, "testdata/everything.yaml"), manifest.Config{})
	require.NoError(t, err)
	assert.Nil(t, o.Service.Spec.Traffic)
	assert.Empty(t, o.Service.Spec.Template.Name, "Knative names the revisions")

	service := o.Service.DeepCopy()
	service.SetDefaults(apis.WithinCreate(t.Context()))
	pod := service.Spec.Template.Spec
	require.Len(t, pod.Containers, 1)
	require.Len(t, pod.Containers[0].Ports, 1)
	assert.Zero(t, pod.Containers[0].ReadinessProbe.PeriodSeconds)
	assert.Nil(t, pod.Containers[0].Lifecycle)
	assert.Nil(t, pod.TerminationGracePeriodSeconds)
	assert.GreaterOrEqual(t, *pod.TimeoutSeconds, int64(60))
}

// The names of a function bound those of all that is made of it: a candidate's host
// and the names of its revisions are DNS labels.
func TestLongestName(t *testing.T) {
	name := "m" + strings.Repeat("0", 51)
	spec, err := function.Parse("f", []byte("name: "+name+"\nimage: mm\n"))
	require.NoError(t, err)
	o, err := manifest.New(spec, manifest.Config{})
	require.NoError(t, err)
	for _, made := range []string{"candidate-" + name, name + "-00001", o.Trigger.Name} {
		assert.LessOrEqual(t, len(made), 63, made)
	}
}

func TestDescriptionIsBounded(t *testing.T) {
	spec, err := function.Parse("f", []byte("name: m\nimage: mm\n"))
	require.NoError(t, err)
	annotation := func(size int) string {
		all := map[string]framework.Description{"m": {Model: "m", Schema: jsontext.Value(`"` + strings.Repeat("a", size) + `"`)}}
		o, err := manifest.New(spec, manifest.Config{Descriptions: all})
		require.NoError(t, err)
		return o.Service.Annotations[manifest.DescriptionAnnotation]
	}
	most := 64<<10 - len(annotation(0))
	assert.Len(t, annotation(most), 64<<10)
	assert.Empty(t, annotation(most+1))
}

func TestNewFails(t *testing.T) {
	tests := map[string]struct {
		spec string
		cfg  manifest.Config
		want []string
	}{
		"no image":       {"name: m", manifest.Config{}, []string{"m: image: missing"}},
		"config":         {"name: m", manifest.Config{Namespace: "A", Broker: "b_c"}, []string{"m: image: missing", `; namespace: "A" is not the name of a namespace: lower-case letters, digits and dashes`, `; broker: "b_c": `}},
		"image":          {"name: m", manifest.Config{Images: map[string]string{"m": "a b"}}, []string{`m: image: "a b" is neither a reference, such as registry.local:5000/model-a, nor ko://`}},
		"no description": {"name: m\nimage: mm", manifest.Config{Descriptions: map[string]framework.Description{"m": {Schema: jsontext.Value("{")}}}, []string{"m: the description: "}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			spec, err := function.Parse("f", []byte(tt.spec))
			require.NoError(t, err)
			_, err = manifest.New(spec, tt.cfg)
			require.Error(t, err)
			for _, want := range tt.want {
				assert.Contains(t, err.Error(), want)
			}
		})
	}
}
