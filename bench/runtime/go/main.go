// The Go peer: `peer_go CASE THREADS` prints nanoseconds an operation. Idiomatic, not tuned: goroutines and channels.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
)

func skynet(out chan<- uint64, first, size uint64) {
	if size == 1 {
		out <- first
		return
	}
	in := make(chan uint64, 10)
	for i := uint64(0); i < 10; i++ {
		go skynet(in, first+i*size/10, size/10)
	}
	sum := uint64(0)
	for i := 0; i < 10; i++ {
		sum += <-in
	}
	out <- sum
}

func fib(n int) uint64 {
	if n < 2 {
		return uint64(n)
	}
	left := make(chan uint64, 1)
	go func() { left <- fib(n - 1) }()
	right := fib(n - 2)
	return <-left + right
}

type ask struct {
	n     uint64
	reply chan uint64
}

// An actor as Go writes one: a goroutine that owns its state, asked over a channel.
func contended(callers, times int) {
	inbox := make(chan ask, 64)
	go func() {
		total := uint64(0)
		for a := range inbox {
			total += a.n
			a.reply <- total
		}
	}()
	var all sync.WaitGroup
	for i := 0; i < callers; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			reply := make(chan uint64, 1)
			for k := 0; k < times; k++ {
				inbox <- ask{1, reply}
				<-reply
			}
		}()
	}
	all.Wait()
	close(inbox)
}

func through(pairs, count int) {
	channel := make(chan uint64, 4096)
	var all sync.WaitGroup
	for i := 0; i < pairs; i++ {
		all.Add(2)
		go func() {
			defer all.Done()
			for k := 0; k < count/pairs; k++ {
				channel <- uint64(k)
			}
		}()
		go func() {
			defer all.Done()
			for k := 0; k < count/pairs; k++ {
				<-channel
			}
		}()
	}
	all.Wait()
}

func sleepers(count int) {
	var all sync.WaitGroup
	for i := 0; i < count; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			time.Sleep(time.Duration(1+i*7919%997) * time.Microsecond)
		}(i)
	}
	all.Wait()
}

func main() {
	threads, _ := strconv.Atoi(os.Args[2])
	runtime.GOMAXPROCS(threads)
	work, operations := func() {}, 1.0
	switch os.Args[1] {
	case "skynet":
		work, operations = func() { out := make(chan uint64, 1); skynet(out, 0, 1000000); <-out }, 1111111
	case "fib":
		work, operations = func() { fib(24) }, 150049
	case "actor1", "actor8", "actor64", "actor10000":
		callers, _ := strconv.Atoi(os.Args[1][5:])
		work, operations = func() { contended(callers, 200000/callers) }, 200000
	case "channel1":
		work, operations = func() { through(1, 400000) }, 400000
	case "channel2":
		work, operations = func() { through(2, 400000) }, 400000
	case "sleep":
		work, operations = func() { sleepers(100000) }, 100000
	}
	work()
	start := time.Now()
	work()
	fmt.Printf("%f\n", float64(time.Since(start).Nanoseconds())/operations)
}
