package cluster

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/apis"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"
)

// Trouble is why a revision is not ready.
type Trouble struct {
	// Reason is a sentence for a person; "" if the revision is ready.
	Reason string

	// Final says that it does not help to wait.
	Final bool

	// Unready is a pod whose program runs and does not say that it is ready; asked
	// itself, it may say why. Nil if it is not that.
	Unready *corev1.Pod
}

// Ready reports whether a revision can be given requests.
func Ready(r *servingv1.Revision) bool {
	return r.Status.GetCondition(apis.ConditionReady).IsTrue() && r.Status.ObservedGeneration >= r.Generation
}

// Diagnose says why a revision is not ready, out of its conditions and its pods. The
// cause that is nearest to the program goes first: what Knative makes of it is told
// if nothing else is known.
func Diagnose(r *servingv1.Revision, pods []*corev1.Pod) Trouble {
	if Ready(r) {
		return Trouble{}
	}
	if c := r.Status.GetCondition(servingv1.RevisionConditionContainerHealthy); c.IsFalse() && c.Reason == servingv1.ReasonContainerMissing {
		return imageMissing(r, c.Message)
	}
	newest := slices.SortedFunc(slices.Values(podsOf(r, pods)), func(a, b *corev1.Pod) int {
		return b.CreationTimestamp.Compare(a.CreationTimestamp.Time)
	})
	for _, pod := range newest {
		if pod.DeletionTimestamp != nil {
			continue
		}
		if t := diagnosePod(r, pod); t.Reason != "" {
			return t
		}
	}
	return diagnoseConditions(r)
}

// podsOf returns those of the pods that are the revision's.
func podsOf(r *servingv1.Revision, pods []*corev1.Pod) (list []*corev1.Pod) {
	for _, pod := range pods {
		if pod.Labels[RevisionLabel] == r.Name {
			list = append(list, pod)
		}
	}
	return list
}

// Running counts those of a revision's pods that run and are not about to end.
func Running(r *servingv1.Revision, pods []*corev1.Pod) (n int) {
	for _, pod := range podsOf(r, pods) {
		if pod.DeletionTimestamp == nil && pod.Status.Phase == corev1.PodRunning {
			n++
		}
	}
	return n
}

// Image is what a revision runs: by digest, if that is known.
func Image(r *servingv1.Revision) string {
	for _, s := range r.Status.ContainerStatuses {
		if s.ImageDigest != "" {
			return s.ImageDigest
		}
	}
	if container := r.Spec.GetContainer(); container != nil {
		return container.Image
	}
	return ""
}

// fetchForm is how Knative says that it could not resolve an image.
var fetchForm = regexp.MustCompile(`(?s)^Unable to fetch image "([^"]*)": (?:failed to resolve image to digest: )?(.*)$`)

// absentForm and refusedForm are how registries, and those who ask them, say that there is
// no such image, and that it is not for everybody. All else that is wrong may pass.
var (
	absentForm  = regexp.MustCompile(`404 Not Found|MANIFEST_UNKNOWN|NAME_UNKNOWN|manifest unknown|failed to resolve (?:reference "[^"]*"|image): \S+: not found`)
	refusedForm = regexp.MustCompile(`401 Unauthorized|403 Forbidden|UNAUTHORIZED|DENIED|access denied|authorization failed|unauthorized: `)
)

func imageMissing(r *servingv1.Revision, message string) Trouble {
	image, why := Image(r), message
	if match := fetchForm.FindStringSubmatch(message); match != nil {
		image, why = match[1], match[2]
	}
	why = strings.TrimSuffix(why, " (HEAD responses have no body, use GET for details)")
	if absentForm.MatchString(why) {
		return Trouble{Reason: fmt.Sprintf("the image %s is not found (%s)", image, line(why)), Final: true}
	}
	return Trouble{Reason: fmt.Sprintf("the image %s cannot be fetched: %s", image, line(why)), Final: refusedForm.MatchString(why)}
}

func diagnosePod(r *servingv1.Revision, pod *corev1.Pod) Trouble {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
			return Trouble{Reason: "not enough room: " + line(c.Message)} // a node may still come
		}
	}
	var proxy []corev1.ContainerStatus // last: it is not ready because the program is not
	for _, status := range append(slices.Clone(pod.Status.InitContainerStatuses), pod.Status.ContainerStatuses...) {
		if status.Name == queueProxy {
			proxy = append(proxy, status)
		} else if t := diagnoseContainer(r, pod, status); t.Reason != "" {
			return t
		}
	}
	for _, status := range proxy {
		if t := diagnoseContainer(r, pod, status); t.Reason != "" {
			return t
		}
	}
	if slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue }) {
		return Trouble{Reason: "its pod is ready, which Knative has yet to see"}
	}
	return Trouble{}
}

// crashes is how many ends of a program are enough to say that another start does
// not help.
const crashes = 2

func diagnoseContainer(r *servingv1.Revision, pod *corev1.Pod, status corev1.ContainerStatus) Trouble {
	who := "the program"
	if status.Name == queueProxy {
		who = "Knative's queue-proxy"
	}
	ended := cmp.Or(status.State.Terminated, status.LastTerminationState.Terminated)
	if w := status.State.Waiting; w != nil {
		switch w.Reason {
		case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull":
			tried := w.Reason == "ErrImagePull" || w.Reason == "ImagePullBackOff" // again
			return Trouble{
				Reason: fmt.Sprintf("the image %s cannot be pulled: %s", status.Image, line(w.Message)),
				Final:  !tried || absentForm.MatchString(w.Message) || refusedForm.MatchString(w.Message),
			}
		case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
			return Trouble{Reason: fmt.Sprintf("%s cannot be started: %s", who, line(w.Message)), Final: int(status.RestartCount) >= crashes}
		case "CrashLoopBackOff":
			return Trouble{Reason: who + " " + end(ended), Final: int(status.RestartCount) >= crashes}
		}
	}
	switch {
	case ended != nil && !status.Ready && (ended.ExitCode != 0 || status.Name != queueProxy):
		return Trouble{Reason: who + " " + end(ended), Final: int(status.RestartCount) >= crashes}
	case status.State.Running != nil && !status.Ready && status.Name == queueProxy:
		// Its probe is the program's.
		return Trouble{Reason: "the program runs, and is not ready" + probe(r), Unready: pod}
	}
	return Trouble{}
}

// probe says what a revision's readiness is asked by.
func probe(r *servingv1.Revision) string {
	if port, path := Probe(r); path != "" {
		return fmt.Sprintf(": its answer to GET %s on port %d does not say so", path, port)
	}
	return ""
}

// Probe returns what a revision's readiness is asked by; "" if it is not by HTTP.
func Probe(r *servingv1.Revision) (port int, path string) {
	container := r.Spec.GetContainer()
	if container == nil || container.ReadinessProbe == nil || container.ReadinessProbe.HTTPGet == nil {
		return 0, ""
	}
	get := container.ReadinessProbe.HTTPGet
	if port = get.Port.IntValue(); port == 0 {
		port = 8080
		if len(container.Ports) > 0 {
			port = int(container.Ports[0].ContainerPort)
		}
	}
	return port, cmp.Or(get.Path, "/")
}

// end says how a program ended.
func end(t *corev1.ContainerStateTerminated) string {
	if t == nil {
		return "ends again and again"
	}
	text := fmt.Sprintf("ends with exit code %d", t.ExitCode)
	switch t.Reason {
	case "OOMKilled":
		text = "needs more memory than its limit, and is killed"
	case "StartError", "ContainerCannotRun":
		text = "cannot be started"
	}
	if last := lastLine(t.Message); last != "" {
		text += ": " + last
	}
	return text
}

// containerForm and exitForm are how Knative says that a program ended.
var (
	containerForm = regexp.MustCompile(`(?s)^Container failed with: (.*)$`)
	exitForm      = regexp.MustCompile(`^ExitCode(\d+)$`)
)

// diagnoseConditions is for a revision without a pod that says more.
func diagnoseConditions(r *servingv1.Revision) Trouble {
	ready := r.Status.GetCondition(apis.ConditionReady)
	if ready == nil || ready.IsUnknown() {
		return Trouble{Reason: waiting(r)}
	}
	if exit := exitForm.FindStringSubmatch(ready.Reason); exit != nil {
		text := "the program ends with exit code " + exit[1]
		if match := containerForm.FindStringSubmatch(ready.Message); match != nil {
			if last := lastLine(match[1]); last != "" {
				text += ": " + last
			}
		}
		return Trouble{Reason: text} // its pod says when it is enough
	}
	switch {
	case strings.Contains(ready.Message, "exceeded quota"):
		return Trouble{Reason: "not enough room: " + line(ready.Message)}
	case ready.Reason == corev1.PodReasonUnschedulable:
		return Trouble{Reason: "not enough room: " + line(ready.Message)}
	case ready.Reason == servingv1.ReasonProgressDeadlineExceeded:
		return Trouble{Reason: "it did not become ready in the time that Knative gives it: " + line(ready.Message), Final: true}
	}
	return Trouble{Reason: line(cmp.Or(ready.Message, ready.Reason, "not ready")), Final: ready.IsFalse()}
}

// waiting says what a revision whose readiness is open waits for.
func waiting(r *servingv1.Revision) string {
	for _, kind := range []apis.ConditionType{servingv1.RevisionConditionResourcesAvailable, servingv1.RevisionConditionContainerHealthy} {
		c := r.Status.GetCondition(kind)
		switch {
		case c == nil || c.IsTrue():
		case c.Reason == servingv1.ReasonResolvingDigests:
			return "the image's digest is looked up"
		case c.Reason == servingv1.ReasonDeploying:
			return "its first pod is started"
		case c.Message != "":
			return line(c.Message)
		}
	}
	return "Knative has not begun with it"
}

// longestLine is how much of a message is told, in bytes.
const longestLine = 400

// line brings a message onto one line.
func line(message string) string {
	message = strings.Join(strings.Fields(message), " ")
	if len(message) > longestLine {
		message = strings.ToValidUTF8(message[:longestLine], "") + "…"
	}
	return message
}

// lastLine is the last line of a log.
func lastLine(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return line(lines[len(lines)-1])
}
