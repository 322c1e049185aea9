// Package distributed lets machines take part in each other's dataspaces.
package distributed
