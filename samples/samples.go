// Package samples carries the data that the sample models are trained on.
package samples

import _ "embed"

// Diabetes is the diabetes study of Efron, Hastie, Johnstone and Tibshirani,
// "Least Angle Regression", Annals of Statistics 32 (2004): a CSV file with a
// header line and one line for each of 442 patients. Its columns are described
// in data/README.md.
//
//go:embed data/diabetes.csv
var Diabetes []byte
