package main

import (
	"bytes"
	"encoding/pem"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"github.com/modelfn/modelfn/hack/cluster/build/push/image"
)

// baseFiles are the files that every image has.
func baseFiles() []image.File {
	return append(image.Users(), image.File{Path: "etc/ssl/certs/ca-certificates.crt", Mode: 0o444, Content: roots()})
}

// roots returns the certificates that TLS trusts, those of Mozilla. One that is
// trusted only under conditions is left out, since the file cannot say them.
func roots() []byte {
	var file bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			// A buffer takes everything.
			_ = pem.Encode(&file, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})
		}
	}
	return file.Bytes()
}
