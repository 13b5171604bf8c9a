#include <benchmark/benchmark.h>
#include <cmath>
#include <cstring>
static char from[4096], to[4096];
static void
copy(benchmark::State &state)
{
	for (auto _ : state) {
		memcpy(to, from, (size_t)state.range(0));
		benchmark::ClobberMemory();
	}
	state.SetItemsProcessed(state.iterations() * state.range(0));
	state.counters["nothing"] = NAN;
	state.counters["jain"] = 0.5;
	state.SetLabel("a \"label\"");
}
BENCHMARK(copy)->Arg(64)->Repetitions(3);
BENCHMARK(copy)->Arg(64)->Threads(2)->UseRealTime()->Unit(benchmark::kMicrosecond);
static void
fails(benchmark::State &state)
{
	state.SkipWithError("no luck");
	for (auto _ : state)
		;
}
BENCHMARK(fails);
static void
map(benchmark::State &state)
{
	for (auto _ : state)
		benchmark::ClobberMemory();
}
BENCHMARK(map)->Name("null/mixed/keys:1000/uniform/get=100")->Repetitions(2)->Unit(benchmark::kMillisecond);
BENCHMARK_MAIN();
