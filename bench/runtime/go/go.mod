module crank/bench

go 1.21
