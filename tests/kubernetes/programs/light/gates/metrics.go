//go:build kubernetes1.26

package main

import (
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	metrics "k8s.io/component-base/metrics/features"
)

// Every component registers the gates of metrics since there are any.
func init() {
	must(metrics.AddFeatureGates(utilfeature.DefaultMutableFeatureGate))
}
