package ground

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// Issue 10.1: each method of a device says which lock it needs. The names of those
// that are called with the mutex held end in Locked.
func TestDeviceMethodsNameTheirLock(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	methods := 0
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv == nil {
				continue
			}
			star, ok := f.Recv.List[0].Type.(*ast.StarExpr)
			if !ok || star.X.(*ast.Ident).Name != "device" {
				continue
			}
			methods++
			text := strings.Join(strings.Fields(f.Doc.Text()), " ")
			if !strings.Contains(text, "lock") && !strings.Contains(text, "d.mu") {
				t.Errorf("%s: the comment of %s names no lock", name, f.Name)
			}
			if holds := strings.Contains(text, "caller holds d.mu"); holds != strings.HasSuffix(f.Name.Name, "Locked") {
				t.Errorf("%s: the caller of %s holds d.mu: %v", name, f.Name, holds)
			}
		}
	}
	if methods < 30 {
		t.Errorf("there are %d methods", methods)
	}
}
