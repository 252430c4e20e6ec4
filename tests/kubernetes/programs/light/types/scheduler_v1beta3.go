//go:build !kubernetes1.29

package main

import "k8s.io/kube-scheduler/config/v1beta3"

func init() {
	register["kube-scheduler"] = append(register["kube-scheduler"], v1beta3.AddToScheme)
}
