// Command types describes the types of the configuration files of the component that its argument names, without the
// packages that take long to compile.
package main

import (
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	kubeproxy "k8s.io/kube-proxy/config/v1alpha1"
	kubeletv1alpha1 "k8s.io/kubelet/config/v1alpha1"
	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"
	"preflight-rke2/kubernetes/internal/apiserver"
	"preflight-rke2/kubernetes/internal/description"
)

// What registers the types of a component. Files that not every minor has add to it.
var register = map[string][]func(*runtime.Scheme) error{
	"kubelet":    {kubeletv1alpha1.AddToScheme, kubeletv1beta1.AddToScheme},
	"kube-proxy": {kubeproxy.AddToScheme},
}

func main() {
	component := os.Args[1]
	schemes := []*runtime.Scheme{}
	if component == "kube-apiserver" {
		schemes = apiserver.Schemes()
	}
	for _, add := range register[component] {
		scheme := runtime.NewScheme()
		if err := add(scheme); err != nil {
			panic(err)
		}
		schemes = append(schemes, scheme)
	}
	description.Print(nil, schemes...)
}
