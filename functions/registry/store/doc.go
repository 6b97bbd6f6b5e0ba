// Package store keeps what the params registry knows: logs of versions 1, 2, 3, …,
// by name, that are appended to and never changed.
//
// # Names
//
// A log is named by a model ("model-a") or, for what else is kept of that model, by
// a kind and the model ("schemas/model-a", "announced/model-a"). Both parts are
// DNS-1035 labels of at most 63 characters; nothing else gets near a path.
//
// # What holds
//
// A [Store] stands on [Objects], a small interface with two implementations: a
// folder and a bucket, in the packages of these names. Version n of a log is one
// object, which is created only if it does not exist. That is the whole
// concurrency control: of any number of writers, in any number of processes,
// exactly one creates version n, and all others hear [ErrConflict].
//
// A log has no hole, as a version is created only after its predecessor was seen.
// So the newest version is found without listing: what is known is cached, the
// next one is probed, and without a cache the steps double and the gap is bisected.
// Each object carries the random id of its write and a checksum: a writer that does
// not know whether it got through finds out by reading, and what is not whole is
// never served.
//
// # Announcements
//
// A log is also the way to remember how far a work on another log got: append
// version n to "announced/model-a" once all versions of model-a up to n are
// announced. A sweep then costs two probes for a model, however long its history:
// what is between the two heads is to be announced. A conflict there means that
// another replica was faster, which is as good. Versions that need no announcement
// are appended too, or the log would stop before them.
//
// # Concurrency
//
// A Store has no state but a cache of what is known to exist, which can be lost at
// any time. It is safe for concurrent use, and any number of stores in any number
// of processes may share one folder or bucket: the calls are linearizable.
//
// # Testing
//
// Package storetest has Objects in memory, Objects that fail on demand, and the
// suite that all implementations pass. Package versitygw starts a real S3 server.
package store
