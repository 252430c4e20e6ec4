package description

import (
	"reflect"
	"sort"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// A Kind is a type of a configuration file.
type Kind struct {
	APIVersion string `json:"api_version"`
	Kind       string `json:"kind"`
	Type       string `json:"type"`
}

// A Type is a struct: its fields by their JSON names, those of inlined structs among them.
type Type map[string]string

// What has a form of its own in JSON, or is left to another decoder.
var opaque = map[string]string{
	"k8s.io/apimachinery/pkg/apis/meta/v1.Duration":        "duration",
	"k8s.io/apimachinery/pkg/apis/meta/v1.Time":            "time",
	"k8s.io/apimachinery/pkg/apis/meta/v1.MicroTime":       "time",
	"k8s.io/apimachinery/pkg/apis/meta/v1.FieldsV1":        "raw",
	"k8s.io/apimachinery/pkg/api/resource.QuantityValue":   "quantity",
	"k8s.io/apimachinery/pkg/api/resource.Quantity":        "quantity",
	"k8s.io/apimachinery/pkg/util/intstr.IntOrString":      "intorstring",
	"k8s.io/apimachinery/pkg/runtime.RawExtension":         "raw",
	"k8s.io/apimachinery/pkg/runtime.Unknown":              "raw",
	"k8s.io/component-base/logs/api/v1.TimeOrMetaDuration": "timeormetaduration",
}

var unmarshaler = reflect.TypeFor[interface{ UnmarshalJSON([]byte) error }]()

// The kinds of the schemes, other than internal ones and those that every group has.
func kinds(schemes []*runtime.Scheme) ([]Kind, map[string]Type) {
	types := map[string]Type{}
	found := map[Kind]bool{}
	common := reflect.TypeFor[metav1.TypeMeta]().PkgPath()
	for _, scheme := range schemes {
		for kind, value := range scheme.AllKnownTypes() {
			if kind.Version == runtime.APIVersionInternal || value.PkgPath() == common {
				continue
			}
			found[Kind{kind.GroupVersion().String(), kind.Kind, describe(value, types)}] = true
		}
	}
	kinds := []Kind{}
	for kind := range found {
		kinds = append(kinds, kind)
	}
	sort.Slice(kinds, func(i, j int) bool {
		if kinds[i].APIVersion != kinds[j].APIVersion {
			return kinds[i].APIVersion < kinds[j].APIVersion
		}
		return kinds[i].Kind < kinds[j].Kind
	})
	return kinds, types
}

// The name of a type: a kind of value, or the package and name of a struct, whose fields are added to `types`.
func describe(value reflect.Type, types map[string]Type) string {
	name := value.PkgPath() + "." + value.Name()
	if form, known := opaque[name]; known {
		return form
	}
	if value.Kind() != reflect.Pointer && reflect.PointerTo(value).Implements(unmarshaler) {
		return "other"
	}
	switch value.Kind() {
	case reflect.Pointer:
		return "*" + describe(value.Elem(), types)
	case reflect.Slice:
		if value.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
		return "[]" + describe(value.Elem(), types)
	case reflect.Map:
		return "map[" + describe(value.Key(), types) + "]" + describe(value.Elem(), types)
	case reflect.Struct:
		if _, known := types[name]; !known {
			types[name] = Type{}
			fields(value, types[name], types)
		}
		return name
	case reflect.Interface:
		return "raw"
	default:
		return value.Kind().String()
	}
}

// Adds the fields of a struct, as encoding/json names them.
func fields(value reflect.Type, into Type, types map[string]Type) {
	for i := 0; i < value.NumField(); i++ {
		field := value.Field(i)
		tag := field.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case tag == "-" || (!field.IsExported() && !field.Anonymous):
		case name == "" && field.Anonymous || strings.Contains(options, "inline"):
			inlined := field.Type
			if inlined.Kind() == reflect.Pointer {
				inlined = inlined.Elem()
			}
			fields(inlined, into, types)
		case name == "":
			into[field.Name] = describe(field.Type, types)
		default:
			into[name] = describe(field.Type, types)
		}
	}
}
