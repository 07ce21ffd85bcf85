// Package objects has the commands that show and change what a controller keeps:
// channels, sites, switches and their mappings. What they print is what the REST
// API says; what is right is the controller's to say.
package objects
