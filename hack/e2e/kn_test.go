//go:build e2e

package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/retry"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"
	servingclient "knative.dev/serving/pkg/client/clientset/versioned/typed/serving/v1"
)

// What kn and kubectl do to the traffic and its tags holds, makes no revision, and is
// still there after a deploy: the new revision begins without traffic.
func TestTrafficOfOtherHandsSurvivesADeploy(t *testing.T) {
	stable := deploy(t, "model-c", "env: {LOG_LEVEL: warn}")
	other := deployed(t, changed(t, "model-c", "env: {LOG_LEVEL: error}"), "--no-traffic")
	require.Equal(t, map[string]string{stable: "100", other: "0 candidate"}, split(t, "model-c"))
	// kn service update model-c --untag candidate --tag STABLE=old,OTHER=new --traffic old=60,new=40
	kn(t, "model-c", target(stable, 60, "old"), target(other, 40, "new"))
	t.Cleanup(func() { run(t, "", "bin/modelfn", "traffic", "model-c", "--untag", "old,new") })
	require.Equal(t, other, field(t, "ksvc/model-c", "{.status.latestCreatedRevisionName}"))
	leads(t, "old-model-c", stable)
	leads(t, "new-model-c", other)
	third := deployed(t, changed(t, "model-c", "env: {LOG_LEVEL: debug}"))
	require.Equal(t, map[string]string{stable: "60 old", other: "40 new", third: "0 candidate"}, split(t, "model-c"))
	leads(t, "candidate-model-c", third)

	// kn service update model-c --traffic old=90,@latest=10: what is the latest now gets it.
	latest := target("", 10, "")
	latest.LatestRevision = new(true)
	kn(t, "model-c", target(stable, 90, "old"), target(other, 0, "new"), target(third, 0, "candidate"), latest)
	fourth := deployed(t, changed(t, "model-c", "env: {LOG_LEVEL: info}"))
	require.Equal(t, map[string]string{stable: "90 old", other: "0 new", third: "10", fourth: "0 candidate"}, split(t, "model-c"))

	patch := fmt.Sprintf(`{"spec":{"traffic":[{"revisionName":%q,"percent":50,"tag":"old"},{"revisionName":%q,"percent":50,"tag":"new"}]}}`, stable, third)
	kubectl(t, "patch", "ksvc/model-c", "--type", "merge", "--patch", patch)
	settled(t, "model-c")
	fifth := deployed(t, changed(t, "model-c", "env: {LOG_LEVEL: warn, GOGC: '50'}"))
	require.Equal(t, map[string]string{stable: "50 old", third: "50 new", fifth: "0 candidate"}, split(t, "model-c"))
	leads(t, "old-model-c", stable)
	leads(t, "new-model-c", third)

	require.Equal(t, fifth, deployed(t, changed(t, "model-c", "env: {LOG_LEVEL: warn, GOGC: '50'}"), "--promote"))
	require.Equal(t, map[string]string{stable: "0 old", third: "0 new", fifth: "100"}, split(t, "model-c"))
}

// kn does what 'kn service update' does for --traffic and --tag, with the client that kn
// is made of: it reads the Service, sets its traffic, and writes all of it back.
func kn(t *testing.T, function string, traffic ...servingv1.TrafficTarget) {
	t.Helper()
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), nil).ClientConfig()
	require.NoError(t, err)
	config.UserAgent = "kn" // so it is the manager of the fields
	c, err := servingclient.NewForConfig(config)
	require.NoError(t, err)
	require.NoError(t, retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		s, err := c.Services(namespace).Get(t.Context(), function, metav1.GetOptions{})
		if err == nil {
			s.Spec.Traffic = traffic
			_, err = c.Services(namespace).Update(t.Context(), s, metav1.UpdateOptions{})
		}
		return err
	}))
	settled(t, function)
}

// target is what kn makes of a revision, or of the latest for "".
func target(revision string, percent int64, tag string) servingv1.TrafficTarget {
	return servingv1.TrafficTarget{RevisionName: revision, LatestRevision: new(false), Percent: &percent, Tag: tag}
}

// split returns what each revision of a function is to get, such as "10 candidate": its
// percent and its tags.
func split(t *testing.T, function string) map[string]string {
	t.Helper()
	percents, tags := map[string]int{}, map[string]string{}
	for _, s := range strings.Fields(field(t, "ksvc/"+function, `{range .spec.traffic[*]}{.revisionName}/0{.percent}/{.tag}{"\n"}{end}`)) {
		share := strings.Split(s, "/")
		percent, err := strconv.Atoi(share[1])
		require.NoError(t, err)
		percents[share[0]] += percent
		if share[2] != "" {
			tags[share[0]] += " " + share[2]
		}
	}
	all := map[string]string{}
	for revision, percent := range percents {
		all[revision] = strconv.Itoa(percent) + tags[revision]
	}
	return all
}

// leads waits until a host leads to a revision.
func leads(t *testing.T, function, revision string) {
	t.Helper()
	eventually(t, function+" to lead to "+revision, func() bool {
		a, err := predict(t.Context(), host(function), patient)
		return err == nil && a.revision == revision
	})
}
