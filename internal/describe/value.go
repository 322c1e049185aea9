package describe

import (
	"reflect"

	"github.com/go-marketplace/marketplace/internal/text"
)

// Value is [text.Value].
func Value(v any) string { return text.Value(v) }

// Part is [text.Reflect].
func Part(v reflect.Value) string { return text.Reflect(v) }

// Basic is [text.Basic].
func Basic(v reflect.Value) (s string, ok bool) { return text.Basic(v) }

// Known is [text.Known].
func Known(t reflect.Type) bool { return text.Known(t) }
