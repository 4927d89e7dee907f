"""StageChange x rules x history -> Plan. Pure functions: no clock, no database, no framework."""
