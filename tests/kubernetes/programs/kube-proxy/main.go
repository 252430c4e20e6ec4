// Command kube-proxy is the component of this name.
package main

import (
	"k8s.io/kubernetes/cmd/kube-proxy/app"
	"preflight-rke2/kubernetes/internal/command"
)

func main() {
	command.Run(app.NewProxyCommand)
}
