// Command kubelet describes the component of this name.
package main

import (
	"encoding/json"
	"io"
	"reflect"
	"sort"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	cliflag "k8s.io/component-base/cli/flag"
	kubeletv1alpha1 "k8s.io/kubelet/config/v1alpha1"
	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"
	_ "k8s.io/kubernetes/cmd/kubelet/app"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	kubeletscheme "k8s.io/kubernetes/pkg/kubelet/apis/config/scheme"
	conversion "k8s.io/kubernetes/pkg/kubelet/apis/config/v1beta1"
	"preflight-rke2/kubernetes/internal/description"
)

// Values to find out what a flag sets: each flag takes one of them at least, most of them two.
var samples = []string{"true", "false", "17", "19", "23s", "29m", "0.5", "a=true", "a=1", "memory=1Gi", "memory=50%", "file=3", "memory.available<1Gi",
	"memory.available=31s", "0:memory=1Gi", "127.0.0.7", "10.9.0.0/16", "pod", "key=value:NoSchedule", "x"}

func main() {
	scheme, _, err := kubeletscheme.NewSchemeAndCodecs()
	if err != nil {
		panic(err)
	}
	// Credential providers are decoded with a scheme that has this one too.
	providers := runtime.NewScheme()
	if err := kubeletv1alpha1.AddToScheme(providers); err != nil {
		panic(err)
	}
	set, _ := flags()
	described := description.Flags(set)
	for i := range described {
		described[i].Field = field(described[i].Name)
	}
	description.Print(described, scheme, providers)
}

// The flags of the kubelet, as its command makes them, and what the configuration is that they set.
func flags() (*pflag.FlagSet, func() map[string]interface{}) {
	configuration, err := options.NewKubeletConfiguration()
	if err != nil {
		panic(err)
	}
	set := pflag.NewFlagSet("kubelet", pflag.ContinueOnError)
	set.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	options.NewKubeletFlags().AddFlags(set)
	options.AddKubeletConfigFlags(set, configuration)
	options.AddGlobalFlags(set)
	set.BoolP("help", "h", false, "")
	set.SetOutput(io.Discard) // notices of deprecated flags
	return set, func() map[string]interface{} {
		var versioned kubeletv1beta1.KubeletConfiguration
		err := conversion.Convert_config_KubeletConfiguration_To_v1beta1_KubeletConfiguration(configuration, &versioned, nil)
		if err != nil {
			panic(err)
		}
		text, err := json.Marshal(versioned)
		if err != nil {
			panic(err)
		}
		fields := map[string]interface{}{}
		if err := json.Unmarshal(text, &fields); err != nil {
			panic(err)
		}
		return fields
	}
}

// The field of the configuration file that a flag sets, with dots.
func field(name string) string {
	found := map[string]bool{}
	for _, sample := range samples {
		set, configuration := flags()
		before := configuration()
		if set.Set(name, sample) == nil {
			difference("", before, configuration(), found)
		}
	}
	names := []string{}
	for name := range found {
		names = append(names, name)
	}
	sort.Strings(names)
	return strings.Join(names, " ")
}

// Adds the paths at which two configurations differ. A map of the file's author is one field.
func difference(path string, before, after interface{}, into map[string]bool) {
	one, first := before.(map[string]interface{})
	other, second := after.(map[string]interface{})
	if !first || !second || isMap(path) {
		if !reflect.DeepEqual(before, after) {
			into[strings.TrimPrefix(path, ".")] = true
		}
		return
	}
	for name := range one {
		difference(path+"."+name, one[name], other[name], into)
	}
	for name := range other {
		if _, known := one[name]; !known {
			difference(path+"."+name, nil, other[name], into)
		}
	}
}

// Whether the field of the configuration at a path is a map.
func isMap(path string) bool {
	value := reflect.TypeOf(kubeletv1beta1.KubeletConfiguration{})
	for _, name := range strings.Split(strings.TrimPrefix(path, "."), ".") {
		if value.Kind() == reflect.Ptr {
			value = value.Elem()
		}
		if value.Kind() != reflect.Struct {
			return false
		}
		found := false
		for i := 0; !found && i < value.NumField(); i++ {
			if strings.Split(value.Field(i).Tag.Get("json"), ",")[0] == name {
				value, found = value.Field(i).Type, true
			}
		}
		if !found {
			return false
		}
	}
	return value.Kind() == reflect.Map
}
