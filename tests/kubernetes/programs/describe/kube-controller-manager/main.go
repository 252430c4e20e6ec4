// Command kube-controller-manager describes the component of this name.
package main

import (
	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"preflight-rke2/kubernetes/internal/description"
)

func main() {
	description.Command(app.NewControllerManagerCommand())
}
