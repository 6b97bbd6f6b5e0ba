// Package e2e proves on a real cluster what the README says of modelfn there. It is
// run by hack/e2e/run, on the node of hack/cluster, after hack/deploy; the tests have
// the build tag e2e.
//
// A test changes functions of the namespace modelfn and leaves them as they are
// deployed. It waits for conditions, as long as a small and busy machine may need, and
// measures nothing: what has to hold, holds however long it takes.
package e2e
