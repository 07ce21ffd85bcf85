package controller

// TableUse is how full a table of a switch is to be.
type TableUse struct {
	Table  string `json:"table"`
	Wanted int    `json:"wanted"` // entries
	Size   int    `json:"size"`   // room for so many
}

// Tables returns how many entries each table of a switch is to hold, of how
// many it can: what headroom there is. It returns nil for a switch that it does
// not know.
func (c *Controller) Tables(switchName string) []TableUse {
	c.mu.RLock()
	o := c.owners[switchName]
	c.mu.RUnlock()
	if o == nil {
		return nil
	}
	wanted := o.plan.tables()
	var list []TableUse
	for _, name := range c.schema.Tables() {
		list = append(list, TableUse{Table: name, Wanted: wanted[name], Size: c.schema.Size(name)})
	}
	return list
}

// tables counts the entries of each table; default entries take no room.
func (p *plan) tables() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	wanted := map[string]int{}
	for _, it := range p.b.items {
		if !it.entry.Default {
			wanted[it.entry.Table]++
		}
	}
	return wanted
}
