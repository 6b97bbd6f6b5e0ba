// Package cluster reaches what Knative holds of our functions: a namespace's
// Services, their revisions and pods, over the Kubernetes API.
//
// [Connect] finds the cluster as kubectl does. A [Cluster] reads, applies, patches
// and deletes; a [Mirror] keeps a copy of what there is, follows it by watches, and
// goes on by itself when the API was away. [Diagnose] says in a sentence why a
// revision is not ready.
//
// A Cluster is safe to be used at once, and so is a Mirror. Test with the API of
// package clustertest, which is a real server with nothing behind it; what
// Knative does is tested on a real cluster (build tag e2e).
package cluster
