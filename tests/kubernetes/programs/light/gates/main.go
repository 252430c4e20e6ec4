// Command gates describes the feature gates of a component without compiling all of it. It takes imports.go, which
// tests/kubernetes/build writes: the component's name, and the packages among its own that register gates when they
// are imported.
package main

import (
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	logs "k8s.io/component-base/logs/api/v1"
	"preflight-rke2/kubernetes/internal/description"
)

// Components whose main does not register the gates of logs. Files for some minors add to it.
var logless = map[string]bool{}

func main() {
	if !logless[component] {
		must(logs.AddFeatureGates(utilfeature.DefaultMutableFeatureGate))
	}
	description.Print(nil)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
