// Command kube-proxy describes the component of this name.
package main

import (
	"k8s.io/kubernetes/cmd/kube-proxy/app"
	"k8s.io/kubernetes/pkg/proxy/apis/config/scheme"
	"preflight-rke2/kubernetes/internal/description"
)

func main() {
	description.Command(app.NewProxyCommand(), scheme.Scheme)
}
