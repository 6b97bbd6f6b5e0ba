// Package local runs models on one machine: it starts their programs as real
// processes on free ports of loopback, keeps them running, and serves the gateway
// of package console in front of them. With a registry it is all that Knative would
// be to them: several replicas of a model, one place for params, and a broker that
// delivers the registry's events. Which programs there are, and how they are started,
// their function.yaml files say, see package function.
//
// # Lifecycle
//
//  1. [Open] looks for the programs, opens the gateway's port, and takes the data
//     folder, which only one run may have at a time.
//  2. The caller sees that the models' bundles are in [Run.Bundles].
//  3. [Run.Serve] starts the registry, if there is one, and gives it the bundles of
//     the models that it does not know: on the first start all, later none. Then the
//     bundles become what is current there.
//  4. It starts every other program and waits until each says that it is ready. If
//     one does not come so far, Serve ends them all and says why.
//  5. The gateway serves. A program that ends is started again, after a wait that
//     doubles each time until it ran well for a while; so is one that was started
//     again and does not become ready. The models go on while the
//     registry is away.
//  6. When the context ends, the gateway answers what it has taken; then every
//     program gets SIGTERM, and SIGKILL if it does not end.
//  7. [Run.Close] gives back the port and the folder.
//
// On Linux the kernel ends the programs with the run even if that is killed.
//
// # Params
//
// Models follow the registry by their own watches, and by events: the registry
// sends one for each new version to the run's broker, which delivers it to one
// replica of the model, if that wants events, with the retries of a Knative Broker. Without a registry
// the models watch their bundles.
//
// # Data folder
//
//	registry/              the registry's store
//	bundles/<model>.json   params to begin with, and to fall back on
//	logs/<program>.log     what a program wrote; the part before it in <program>.log.1
//	logs/gateway.log       the requests that the gateway itself failed, and events
//	                       that could not be delivered
//
// # Concurrency and testing
//
// Open, Serve and Close belong to one goroutine; [Run.Instances] may be called at
// any time. The tests run real processes: those of the supervisor play each part
// themselves, those of params are the real registry and models. A program of the
// folder may be a script that changes its environment and becomes the real one.
package local
