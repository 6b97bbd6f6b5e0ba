// Package discovery finds the models of a cluster: the Knative Services of a
// namespace that carry the label modelfn.dev/model. A new one appears by itself.
//
// A [Discovery] is the console's [console.Manager]: make it with [New] and let its
// Run follow the cluster. When the API is away the models stay as they were last
// seen, and requests to them go on; it is asked again until it answers. [Look] reads
// the same once, for who does not want to follow it.
//
// All of it is safe to be used at once.
package discovery
