// Package manifest makes the Knative objects of a function out of its spec: a
// Service, and a Trigger that brings it the events of its params.
//
// The objects say what the spec says and no more. Defaults are left to the cluster,
// whose are the right ones; but what a cluster would refuse is an error of [New]: it lets
// Knative's own code default and validate a copy of the Service, and validate the Trigger's
// subscriber. What else a Trigger has is the same in all of them but for names, which New
// checks itself: that Eventing's own code takes it is checked by the tests, for each golden
// file, as that code would be more than half of the tool.
//
// What the objects never say, and why:
//
//   - traffic: who deploys moves it, and a manifest that is applied again must not
//     undo that.
//   - periodSeconds of the readiness probe: without it a replica is probed every few
//     milliseconds until it is ready.
//   - volumes: a pod that has one starts a third of a second later.
//   - preStop and terminationGracePeriodSeconds: Knative makes both, of
//     timeoutSeconds.
//
// Nothing here talks to a cluster or keeps state. The tests compare with golden
// files; -update writes them.
package manifest
