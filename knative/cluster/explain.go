package cluster

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// webhookForm is how the API says that a webhook refused something.
var webhookForm = regexp.MustCompile(`(?s)^admission webhook "([^"]*)" denied the request: (?:validation failed: |mutation failed: )?(.*)$`)

// explain says what an answer of the API means; [Missing] and [Changed] see through
// it.
func explain(err error) error {
	if err == nil {
		return nil
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		if op, ok := errors.AsType[*net.OpError](err); ok {
			return fmt.Errorf("the cluster's API does not answer at %v: %w", op.Addr, op.Err)
		}
		return err
	}
	s := status.Status()
	if match := webhookForm.FindStringSubmatch(s.Message); match != nil {
		return &told{fmt.Sprintf("the cluster refuses it: %s (%s)", line(match[2]), match[1]), err}
	}
	if apierrors.IsConflict(err) && s.Details != nil {
		conflict := &ConflictError{err: err}
		for _, cause := range s.Details.Causes {
			if cause.Type == metav1.CauseTypeFieldManagerConflict {
				conflict.Fields = append(conflict.Fields, cause.Field+" by "+strings.TrimPrefix(cause.Message, "conflict with "))
			}
		}
		if conflict.Fields != nil {
			return conflict
		}
	}
	return err
}

// told is an error in other words.
type told struct {
	text string
	err  error
}

func (e *told) Error() string { return e.text }
func (e *told) Unwrap() error { return e.err }
