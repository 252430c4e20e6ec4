//go:build kubernetes1.36

package apiserver

import (
	"k8s.io/apimachinery/pkg/runtime"
	policies "k8s.io/apiserver/pkg/admission/plugin/policy/config/apis/policyconfig/install"
)

func init() {
	scheme := runtime.NewScheme()
	policies.Install(scheme)
	others = append(others, scheme)
}
