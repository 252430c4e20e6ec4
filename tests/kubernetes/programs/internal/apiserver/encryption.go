//go:build !kubernetes1.30

package apiserver

import (
	"k8s.io/apimachinery/pkg/runtime"
	encryption "k8s.io/apiserver/pkg/apis/config/v1"
)

// Until 1.29 the encryption's configuration is in a package of its own.
func init() {
	scheme := runtime.NewScheme()
	if err := encryption.AddToScheme(scheme); err != nil {
		panic(err)
	}
	others = append(others, scheme)
}
