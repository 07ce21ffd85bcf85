package dstlist

// pageRecords is how many records a Page looks at, under the lock that a round
// needs too.
const pageRecords = 256

// Page returns some of the viewers, and where to go on for others; ok is false
// after the last. Begin with 0. A viewer that stays is in one page, whoever comes
// and goes meanwhile.
func (l *List) Page(from uint32) (viewers []Viewer, next uint32, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next = min(from+pageRecords, l.viewers.used)
	for i := from; i < next; i++ {
		if l.viewers.at(i).site != nil {
			viewers = append(viewers, l.viewerLocked(i))
		}
	}
	return viewers, next, next < l.viewers.used
}
