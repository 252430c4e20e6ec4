// Command kube-apiserver describes the component of this name.
package main

import (
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"preflight-rke2/kubernetes/internal/apiserver"
	"preflight-rke2/kubernetes/internal/description"
)

func main() {
	description.Command(app.NewAPIServerCommand(), apiserver.Schemes()...)
}
