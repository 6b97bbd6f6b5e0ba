// The program that events end at which could not be delivered.
package main

import "github.com/modelfn/modelfn/functions/dead-letter/letters"

func main() { letters.Main() }
