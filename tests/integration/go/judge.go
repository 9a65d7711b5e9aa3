// Judges chains as Go's crypto/x509 does, and makes a CSR as Go programs do.
//
//	judge csr URI              prints a CSR with a CN and that URI
//	judge verify FOLDER...     reads leaf.pem, between.pem, anchor.pem of each folder; prints verdicts
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func makeCSR(text string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	uri, err := url.Parse(text)
	must(err)
	template := x509.CertificateRequest{
		Subject: pkix.Name{CommonName: "web"},
		URIs:    []*url.URL{uri},
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &template, key)
	must(err)
	must(pem.Encode(os.Stdout, &pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

func pool(path string) *x509.CertPool {
	found := x509.NewCertPool()
	if text, err := os.ReadFile(path); err == nil {
		found.AppendCertsFromPEM(text)
	}
	return found
}

func verdict(folder string) error {
	text, err := os.ReadFile(filepath.Join(folder, "leaf.pem"))
	must(err)
	block, _ := pem.Decode(text)
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		_, err = leaf.Verify(x509.VerifyOptions{
			Roots:         pool(filepath.Join(folder, "anchor.pem")),
			Intermediates: pool(filepath.Join(folder, "between.pem")),
			KeyUsages:     []x509.ExtKeyUsage{usage},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if os.Args[1] == "csr" {
		makeCSR(os.Args[2])
		return
	}
	for _, folder := range os.Args[2:] {
		if err := verdict(folder); err != nil {
			fmt.Printf("%s: %v\n", filepath.Base(folder), err)
			continue
		}
		fmt.Printf("%s: ok\n", filepath.Base(folder))
	}
}
