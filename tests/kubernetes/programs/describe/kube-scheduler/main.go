// Command kube-scheduler describes the component of this name.
package main

import (
	"k8s.io/kubernetes/cmd/kube-scheduler/app"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	"preflight-rke2/kubernetes/internal/description"
)

func main() {
	description.Command(app.NewSchedulerCommand(), scheme.Scheme)
}
