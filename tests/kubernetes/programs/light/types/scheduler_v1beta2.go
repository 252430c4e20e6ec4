//go:build !kubernetes1.28

package main

import "k8s.io/kube-scheduler/config/v1beta2"

func init() {
	register["kube-scheduler"] = append(register["kube-scheduler"], v1beta2.AddToScheme)
}
