//go:build kubernetes1.25

package main

import "k8s.io/kube-scheduler/config/v1"

func init() {
	register["kube-scheduler"] = append(register["kube-scheduler"], v1.AddToScheme)
}
