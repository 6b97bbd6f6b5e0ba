package framework_test

import (
	"testing"

	"github.com/modelfn/modelfn/framework/frameworktest"
)

func TestConformance(t *testing.T) {
	t.Run("handler", func(t *testing.T) { frameworktest.Handler(t, frameworktest.LinearCase(t)) })
	t.Run("fences", func(t *testing.T) { frameworktest.Fences(t, nil) })
}
