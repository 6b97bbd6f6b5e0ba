// Package deploy makes functions so in a cluster as their manifests say, waits until
// they are ready, and then moves the traffic.
//
// A deploy of one function is, in this order:
//
//  1. What the Service gives to its "latest revision" is given to the revision that
//     has it now, by name. So the new one gets nothing by being there.
//  2. The objects are applied, by server-side apply as [cluster.Manager]. They never
//     name the traffic: that field is whoever's who changed it last, a person with kn
//     or kubectl too, and applying leaves it alone.
//  3. The revision that came of it is awaited, with a line for each condition that
//     changes. One that cannot become ready is an [Error] that names the cause;
//     the others keep the traffic. So is another deploy that comes meanwhile: the
//     revision would be that one's.
//  4. The traffic is moved as [traffic.Split.Deploy] says, by the names of revisions,
//     unless the Service has changed since it was read: then it is read again.
//  5. What the function had before, and its spec says no more, such as its Trigger, is
//     deleted if its labels say that it is ours, and if the revision has all traffic:
//     others may need it.
//  6. The route is awaited.
//
// A deploy that is cut off has moved either all of the traffic or none. The first
// deploy of a function differs in one thing: there is nothing to give traffic to
// meanwhile, so Knative gives all of it to the revision as soon as that is ready.
package deploy
