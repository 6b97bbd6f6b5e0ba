package cluster

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	corev1 "k8s.io/api/core/v1"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"

	"github.com/modelfn/modelfn/framework/fault"
)

// Why says why a revision is not ready whose program runs: it asks the program in the
// pod, as Knative does, and adds what the program's log complains of, where the answer
// does not say that. "" if neither can be had, which a role may not allow.
func (c *Cluster) Why(ctx context.Context, r *servingv1.Revision, pod *corev1.Pod) string {
	port, path := Probe(r)
	if path == "" {
		return ""
	}
	status, answer, err := c.Ask(ctx, pod.Name, port, path)
	if err != nil || status == 0 {
		return ""
	}
	if status < 400 {
		return fmt.Sprintf("the program runs, and is not ready: GET %s answers %d by now", path, status)
	}
	f := fault.New(fault.Unavailable, "GET %s answers %d: %s", path, status, strings.Join(strings.Fields(string(answer)), " "))
	why := "the program runs, and is not ready: " + f.Public() // not more than a person reads
	if said := c.complaint(ctx, pod); said != "" && !strings.Contains(why, said) {
		why += "; its log says: " + said
	}
	return why
}

// lastLines is how much of a log is looked at for a complaint.
const lastLines = 20

// complaint returns the last error that a pod's program wrote to its log, as the
// framework writes it; "" if there is none.
func (c *Cluster) complaint(ctx context.Context, pod *corev1.Pod) (said string) {
	log, err := c.Log(ctx, pod, LogOptions{Tail: lastLines})
	if err != nil {
		return ""
	}
	defer log.Close()
	for lines := bufio.NewScanner(log); lines.Scan(); {
		var entry struct {
			Level string `json:"level"`
			Error string `json:"error"`
		}
		if json.Unmarshal(lines.Bytes(), &entry) == nil && entry.Level == "ERROR" && entry.Error != "" {
			said = line(entry.Error)
		}
	}
	return said
}
