package schema

// OfType is Of for a type that is made by a test.
var OfType = of
