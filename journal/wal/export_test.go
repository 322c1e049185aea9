package wal

// Finish completes what an earlier Open has begun, without opening the log.
var Finish = finish
