package cluster_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"knative.dev/pkg/apis"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"

	"github.com/modelfn/modelfn/knative/cluster"
)

// revision returns one with conditions; Ready is that of the first if it is not given.
func revision(conditions ...apis.Condition) *servingv1.Revision {
	r := &servingv1.Revision{ObjectMeta: metav1.ObjectMeta{Name: "m-1"}}
	r.Spec.Containers = []corev1.Container{{
		Image:          "registry.local/m",
		ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/health/ready", Port: intstr.FromInt32(8080)}}},
	}}
	r.Status.Conditions = conditions
	return r
}

func is(kind apis.ConditionType, status corev1.ConditionStatus, reason, message string) apis.Condition {
	return apis.Condition{Type: kind, Status: status, Reason: reason, Message: message}
}

// pod returns one of the revision with the states of its containers.
func pod(statuses ...corev1.ContainerStatus) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", Labels: map[string]string{cluster.RevisionLabel: "m-1"}}}
	p.Status.ContainerStatuses = append([]corev1.ContainerStatus{{
		Name: "queue-proxy", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
	}}, statuses...)
	return p
}

func waits(reason, message string, restarts int32, ended *corev1.ContainerStateTerminated) corev1.ContainerStatus {
	return corev1.ContainerStatus{
		Name: "user-container", Image: "registry.local/m@sha256:1", RestartCount: restarts,
		State:                corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
		LastTerminationState: corev1.ContainerState{Terminated: ended},
	}
}

func TestDiagnose(t *testing.T) {
	const ready, healthy, available = apis.ConditionReady, servingv1.RevisionConditionContainerHealthy, servingv1.RevisionConditionResourcesAvailable
	open := is(ready, corev1.ConditionUnknown, "Deploying", "")
	unschedulable := pod()
	unschedulable.Status = corev1.PodStatus{Conditions: []corev1.PodCondition{{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/1 nodes are available: 1 Insufficient cpu.",
	}}}
	ended := &corev1.ContainerStateTerminated{ExitCode: 3, Message: "starting\npanic: no luck\n"}
	killed := &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"}
	startError := &corev1.ContainerStateTerminated{ExitCode: 128, Reason: "StartError", Message: "no such file"}
	runs := corev1.ContainerStatus{Name: "user-container", Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	going := pod(waits("CrashLoopBackOff", "", 9, ended))
	going.DeletionTimestamp = &metav1.Time{}
	well := pod(runs)
	well.Status.ContainerStatuses[0].Ready = true
	well.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	const pull = `Back-off pulling image "registry.local/m@sha256:1": ErrImagePull: failed to pull and unpack image "registry.local/m@sha256:1": failed to resolve image: `
	tests := map[string]struct {
		revision *servingv1.Revision
		pod      *corev1.Pod
		want     string
		final    bool
	}{
		"ready":    {revision(is(ready, corev1.ConditionTrue, "", "")), nil, "", false},
		"new":      {revision(), nil, "Knative has not begun with it", false},
		"looks up": {revision(open, is(available, corev1.ConditionUnknown, "ResolvingDigests", "")), nil, "the image's digest is looked up", false},
		"starts":   {revision(open, is(available, corev1.ConditionUnknown, "Deploying", "")), nil, "its first pod is started", false},
		"no image": {
			revision(is(ready, corev1.ConditionFalse, "ContainerMissing", "…"), is(healthy, corev1.ConditionFalse, "ContainerMissing",
				`Unable to fetch image "registry.local/m:2": failed to resolve image to digest: HEAD http://registry.local/v2/m/manifests/2: unexpected status code 404 Not Found (HEAD responses have no body, use GET for details)`)),
			nil, "the image registry.local/m:2 is not found (HEAD http://registry.local/v2/m/manifests/2: unexpected status code 404 Not Found)", true,
		},
		"registry away": {
			revision(is(ready, corev1.ConditionFalse, "ContainerMissing", "…"), is(healthy, corev1.ConditionFalse, "ContainerMissing",
				`Unable to fetch image "registry.local/m:2": failed to resolve image to digest: Get "http://registry.local/v2/": connection refused`)),
			nil, `the image registry.local/m:2 cannot be fetched: Get "http://registry.local/v2/": connection refused`, false,
		},
		"registry refuses": {
			revision(is(ready, corev1.ConditionFalse, "ContainerMissing", "…"), is(healthy, corev1.ConditionFalse, "ContainerMissing",
				`Unable to fetch image "registry.local/m:2": failed to resolve image to digest: GET http://registry.local/token: UNAUTHORIZED: authentication required`)),
			nil, `the image registry.local/m:2 cannot be fetched: GET http://registry.local/token: UNAUTHORIZED: authentication required`, true,
		},
		"first pull":      {revision(open), pod(waits("ErrImagePull", "not found", 0, nil)), "the image registry.local/m@sha256:1 cannot be pulled: not found", false},
		"no pull":         {revision(open), pod(waits("ImagePullBackOff", pull+"i/o timeout", 0, nil)), "the image registry.local/m@sha256:1 cannot be pulled: " + pull + "i/o timeout", false},
		"pull of nothing": {revision(open), pod(waits("ImagePullBackOff", pull+"registry.local/m@sha256:1: not found", 0, nil)), "the image registry.local/m@sha256:1 cannot be pulled: " + pull + "registry.local/m@sha256:1: not found", true},
		"pull refused":    {revision(open), pod(waits("ImagePullBackOff", pull+"unexpected status from HEAD request to http://registry.local/v2/m/manifests/sha256:1: 403 Forbidden", 0, nil)), "the image registry.local/m@sha256:1 cannot be pulled: " + pull + "unexpected status from HEAD request to http://registry.local/v2/m/manifests/sha256:1: 403 Forbidden", true},
		"no image's name": {revision(open), pod(waits("InvalidImageName", "couldn't parse it", 0, nil)), "the image registry.local/m@sha256:1 cannot be pulled: couldn't parse it", true},
		"no secret":       {revision(open), pod(waits("CreateContainerConfigError", `secret "x" not found`, 0, nil)), `the program cannot be started: secret "x" not found`, false},
		"first crash":     {revision(open), pod(waits("CrashLoopBackOff", "back-off 10s", 1, ended)), "the program ends with exit code 3: panic: no luck", false},
		"crash":           {revision(open), pod(waits("CrashLoopBackOff", "back-off 20s", 2, ended)), "the program ends with exit code 3: panic: no luck", true},
		"no program":      {revision(open), pod(waits("CrashLoopBackOff", "back-off 20s", 2, startError)), "the program cannot be started: no such file", true},
		"memory":          {revision(open), pod(waits("CrashLoopBackOff", "back-off 20s", 2, killed)), "the program needs more memory than its limit, and is killed", true},
		"crash, no pod":   {revision(is(ready, corev1.ConditionFalse, "ExitCode3", "Container failed with: starting\npanic: no luck\n")), nil, "the program ends with exit code 3: panic: no luck", false},
		"a pod that goes": {revision(open), going, "Knative has not begun with it", false},
		"probe":           {revision(open), pod(runs), "the program runs, and is not ready: its answer to GET /health/ready on port 8080 does not say so", false},
		"seen later":      {revision(open), well, "its pod is ready, which Knative has yet to see", false},
		"no room":         {revision(is(ready, corev1.ConditionFalse, "Unschedulable", "…")), unschedulable, "not enough room: 0/1 nodes are available: 1 Insufficient cpu.", false},
		"no room, no pod": {revision(is(ready, corev1.ConditionFalse, "Unschedulable", "0/1 nodes")), nil, "not enough room: 0/1 nodes", false},
		"quota":           {revision(is(ready, corev1.ConditionFalse, "FailedCreate", `pods "m" is forbidden: exceeded quota: q`)), nil, `not enough room: pods "m" is forbidden: exceeded quota: q`, false},
		"too long":        {revision(is(ready, corev1.ConditionFalse, "ProgressDeadlineExceeded", "Initial scale was never achieved")), nil, "it did not become ready in the time that Knative gives it: Initial scale was never achieved", true},
		"something else":  {revision(is(ready, corev1.ConditionFalse, "NotOwned", "it is\n another's")), nil, "it is another's", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var pods []*corev1.Pod
			if tt.pod != nil {
				pods = append(pods, tt.pod, &corev1.Pod{}) // and one of another revision
			}
			got := cluster.Diagnose(tt.revision, pods)
			assert.Equal(t, tt.want, got.Reason)
			assert.Equal(t, tt.final, got.Final)
			assert.Equal(t, name == "probe", got.Unready != nil)
		})
	}
}
