package describe

import (
	"reflect"

	"github.com/go-marketplace/marketplace/internal/valuetext"
)

// Value is [valuetext.Of].
func Value(v any) string { return valuetext.Of(v) }

// Part is [valuetext.Part].
func Part(v reflect.Value) string { return valuetext.Part(v) }

// Basic is [valuetext.Basic].
func Basic(v reflect.Value) (s string, ok bool) { return valuetext.Basic(v) }

// Known is [valuetext.Known].
func Known(t reflect.Type) bool { return valuetext.Known(t) }
