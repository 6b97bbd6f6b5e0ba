// Package params holds what a model is parameterized with, and keeps a running
// model on the params that it should have.
//
// A [Document] is one immutable set of params of one model; it pins the
// documents of the components that it was trained with. A [Set] is a document
// with all that it requires, and a [Bundle] is the file that carries one. A
// [Source] says which set a model should run now. A [Keeper] loads that set,
// builds what the model runs from it, and swaps it in for every later request
// at once; if anything is wrong with the new set, the one that runs stays.
//
// Documents, bundles and sets are values that nobody changes after they are
// made; keepers and sources are safe for concurrent use.
package params
