//go:build !kubernetes1.27

package main

func init() {
	logless["cloud-controller-manager"] = true
}
