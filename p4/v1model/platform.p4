// What v1model gives the shared controls.
#ifndef CORECAST_PLATFORM_P4
#define CORECAST_PLATFORM_P4

#include <core.p4>
#include <v1model.p4>

typedef bit<9> port_t;

#endif
