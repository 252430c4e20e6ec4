// Command kubelet is the component of this name.
package main

import (
	_ "k8s.io/component-base/metrics/prometheus/restclient"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/kubernetes/cmd/kubelet/app"
	"preflight-rke2/kubernetes/internal/command"
)

func main() {
	command.Run(app.NewKubeletCommand)
}
