// Package apiserver has the schemes that the API server decodes its configuration files with.
package apiserver

import (
	"k8s.io/apimachinery/pkg/runtime"
	resourcequota "k8s.io/apiserver/pkg/admission/plugin/resourcequota/apis/resourcequota/install"
	webhookadmission "k8s.io/apiserver/pkg/admission/plugin/webhook/config/apis/webhookadmission/v1"
	apiserver "k8s.io/apiserver/pkg/apis/apiserver/install"
	"k8s.io/apiserver/pkg/audit"
	eventratelimit "k8s.io/kubernetes/plugin/pkg/admission/eventratelimit/apis/eventratelimit/install"
	podtolerationrestriction "k8s.io/kubernetes/plugin/pkg/admission/podtolerationrestriction/apis/podtolerationrestriction/install"
	podsecurity "k8s.io/pod-security-admission/admission/api/scheme"
)

// The schemes that not every minor has.
var others []*runtime.Scheme

// Schemes returns them.
func Schemes() []*runtime.Scheme {
	schemes := []*runtime.Scheme{audit.Scheme, podsecurity.Scheme}
	for _, install := range []func(*runtime.Scheme){
		apiserver.Install,
		eventratelimit.Install,
		podtolerationrestriction.Install,
		resourcequota.Install,
		func(scheme *runtime.Scheme) {
			if err := webhookadmission.AddToScheme(scheme); err != nil {
				panic(err)
			}
		},
	} {
		scheme := runtime.NewScheme()
		install(scheme)
		schemes = append(schemes, scheme)
	}
	return append(schemes, others...)
}
