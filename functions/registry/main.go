// The program of the params registry.
package main

import (
	_ "gocloud.dev/blob/azureblob" // azblob://
	_ "gocloud.dev/blob/gcsblob"   // gs://
	_ "gocloud.dev/blob/s3blob"    // s3://

	"github.com/modelfn/modelfn/functions/registry/server"
)

func main() { server.Main() }
