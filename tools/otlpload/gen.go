// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// baseNano is the timestamp every prebuilt body is relative to.
const baseNano = uint64(1_700_000_000_000_000_000)

type endpoint struct {
	route, method string
	calls         []call // what a server handler for this route does
}

type call struct {
	kind    string // "http" to another service, "sql" or "redis"
	service string // for http
	route   int    // index into that service's endpoints
	stmt    string // for sql/redis
	p       float64
}

type service struct {
	name, lang, version string
	endpoints           []endpoint
}

// A small shop: eight services, HTTP between them, SQL and redis behind them.
var shop = map[string]*service{
	"frontend": {"frontend", "nodejs", "2.14.3", []endpoint{
		{"/", "GET", []call{{kind: "http", service: "catalog", route: 0, p: 1}, {kind: "http", service: "recommendation", route: 0, p: .8}, {kind: "http", service: "cart", route: 0, p: .6}}},
		{"/product/{id}", "GET", []call{{kind: "http", service: "catalog", route: 1, p: 1}, {kind: "http", service: "recommendation", route: 0, p: .7}, {kind: "http", service: "cart", route: 0, p: .5}}},
		{"/cart", "POST", []call{{kind: "http", service: "auth", route: 0, p: 1}, {kind: "http", service: "cart", route: 1, p: 1}}},
		{"/cart/checkout", "POST", []call{{kind: "http", service: "auth", route: 0, p: 1}, {kind: "http", service: "checkout", route: 0, p: 1}}},
	}},
	"catalog": {"catalog", "python", "1.9.0", []endpoint{
		{"/api/products", "GET", []call{{kind: "redis", stmt: "GET catalog:list:?", p: 1}, {kind: "sql", stmt: "SELECT id, name, price_cents, picture FROM products WHERE category = $1 ORDER BY rank LIMIT 20", p: .4}}},
		{"/api/products/{id}", "GET", []call{{kind: "sql", stmt: "SELECT id, name, price_cents, picture, description FROM products WHERE id = $1", p: 1}}},
	}},
	"recommendation": {"recommendation", "python", "0.7.12", []endpoint{
		{"/api/recommendations", "GET", []call{{kind: "redis", stmt: "MGET rec:user:?", p: 1}, {kind: "http", service: "catalog", route: 1, p: .5}}},
	}},
	"cart": {"cart", "dotnet", "3.2.1", []endpoint{
		{"/api/cart/{user}", "GET", []call{{kind: "redis", stmt: "HGETALL cart:?", p: 1}}},
		{"/api/cart/{user}/items", "POST", []call{{kind: "redis", stmt: "HSET cart:? ? ?", p: 1}, {kind: "redis", stmt: "EXPIRE cart:? 86400", p: 1}}},
	}},
	"auth": {"auth", "go", "5.0.2", []endpoint{
		{"/v1/verify", "POST", []call{{kind: "redis", stmt: "GET session:?", p: 1}, {kind: "sql", stmt: "SELECT id, email, roles FROM users WHERE id = $1", p: .3}}},
	}},
	"checkout": {"checkout", "java", "4.4.0", []endpoint{
		{"/api/checkout", "POST", []call{{kind: "http", service: "cart", route: 0, p: 1}, {kind: "http", service: "catalog", route: 1, p: 1}, {kind: "http", service: "shipping", route: 0, p: 1}, {kind: "http", service: "payment", route: 0, p: 1}, {kind: "sql", stmt: "INSERT INTO orders (id, user_id, total_cents, currency, created_at) VALUES ($1,$2,$3,$4,now())", p: 1}, {kind: "sql", stmt: "INSERT INTO order_items (order_id, product_id, qty) VALUES ($1,$2,$3)", p: 1}}},
	}},
	"payment": {"payment", "java", "4.1.7", []endpoint{
		{"/api/charge", "POST", []call{{kind: "sql", stmt: "UPDATE accounts SET balance_cents = balance_cents - $1 WHERE id = $2", p: 1}}},
	}},
	"shipping": {"shipping", "go", "1.1.0", []endpoint{
		{"/api/quote", "POST", []call{{kind: "sql", stmt: "SELECT rate_cents FROM shipping_rates WHERE zone = $1 AND weight_g <= $2", p: 1}}},
	}},
}

var serviceNames = []string{"frontend", "catalog", "recommendation", "cart", "auth", "checkout", "payment", "shipping"}

func str(k, v string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: k, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: v}}}
}
func num(k string, v int64) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: k, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: v}}}
}

func resourceOf(s *service, inst int) *resourcepb.Resource {
	return &resourcepb.Resource{Attributes: []*commonpb.KeyValue{
		str("service.name", s.name), str("service.version", s.version), str("service.namespace", "shop"),
		str("service.instance.id", fmt.Sprintf("%s-7d9f8c6b5-%05d", s.name, inst)),
		str("deployment.environment.name", "production"),
		str("host.name", fmt.Sprintf("ip-10-0-%d-%d.eu-west-1.compute.internal", inst%4, 10+inst)),
		str("k8s.namespace.name", "shop"), str("k8s.pod.name", fmt.Sprintf("%s-7d9f8c6b5-%05d", s.name, inst)),
		str("telemetry.sdk.language", s.lang), str("telemetry.sdk.name", "opentelemetry"), str("telemetry.sdk.version", "1.33.1"),
	}}
}

type spanOut struct {
	svc  string
	inst int
	span *tracepb.Span
}

type builder struct {
	r   *rand.Rand
	out []spanOut
	tid []byte
}

func (b *builder) id(n int) []byte { x := make([]byte, n); b.r.Read(x); return x }

// lat draws a log-normal-ish latency in nanoseconds around a median in microseconds.
func (b *builder) lat(medianUS float64) uint64 {
	x := medianUS * 1000 * (0.5 + b.r.ExpFloat64())
	return uint64(x) + 10_000
}

func (b *builder) add(svc string, inst int, s *tracepb.Span) {
	s.TraceId = b.tid
	s.Flags = 0x101
	b.out = append(b.out, spanOut{svc, inst, s})
}

// serve adds the server span of svc.route and everything below it; returns its end time.
func (b *builder) serve(svc string, route int, parent []byte, start uint64) (uint64, bool) {
	s, ep := shop[svc], shop[svc].endpoints[route]
	inst := b.r.Intn(3)
	sid, end, failed := b.id(8), start+b.lat(300), false
	for _, c := range ep.calls {
		if b.r.Float64() > c.p {
			continue
		}
		var f bool
		end, f = b.client(svc, inst, c, sid, end)
		failed = failed || f
	}
	end += b.lat(200)
	status := int64(200)
	if failed || b.r.Float64() < .004 {
		failed, status = true, 500
	} else if b.r.Float64() < .01 {
		status = 404
	}
	sp := &tracepb.Span{SpanId: sid, ParentSpanId: parent, Name: ep.method + " " + ep.route, Kind: tracepb.Span_SPAN_KIND_SERVER,
		StartTimeUnixNano: start, EndTimeUnixNano: end, Status: &tracepb.Status{},
		Attributes: []*commonpb.KeyValue{
			str("http.request.method", ep.method), str("http.route", ep.route), num("http.response.status_code", status),
			str("url.scheme", "http"), str("url.path", fmt.Sprintf("%s/%d", ep.route, b.r.Intn(20000))), str("server.address", svc+".shop.svc.cluster.local"),
			num("server.port", 8080), str("network.protocol.version", "1.1"), str("client.address", fmt.Sprintf("10.0.%d.%d", b.r.Intn(8), b.r.Intn(250))),
			str("user_agent.original", userAgents[b.r.Intn(len(userAgents))]),
		}}
	if svc == "frontend" {
		sp.Attributes = append(sp.Attributes, str("enduser.id", fmt.Sprintf("user-%06d", b.r.Intn(100000))), str("session.id", hex.EncodeToString(b.id(8))))
	}
	if failed {
		sp.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR}
		sp.Attributes = append(sp.Attributes, str("error.type", "500"))
	}
	b.add(svc, inst, sp)
	_ = s
	return end, failed
}

func (b *builder) client(svc string, inst int, c call, parent []byte, start uint64) (uint64, bool) {
	sid := b.id(8)
	sp := &tracepb.Span{SpanId: sid, ParentSpanId: parent, Kind: tracepb.Span_SPAN_KIND_CLIENT, StartTimeUnixNano: start, Status: &tracepb.Status{}}
	var end uint64
	failed := false
	switch c.kind {
	case "http":
		ep := shop[c.service].endpoints[c.route]
		end, failed = b.serve(c.service, c.route, sid, start+b.lat(150))
		end += b.lat(150)
		code := int64(200)
		if failed {
			code = 500
		}
		sp.Name = ep.method
		sp.Attributes = []*commonpb.KeyValue{
			str("http.request.method", ep.method), num("http.response.status_code", code),
			str("url.full", fmt.Sprintf("http://%s.shop.svc.cluster.local:8080%s/%d", c.service, ep.route, b.r.Intn(20000))),
			str("server.address", c.service+".shop.svc.cluster.local"), num("server.port", 8080), str("network.protocol.version", "1.1"),
			str("peer.service", c.service), num("thread.id", int64(b.r.Intn(64))),
		}
	case "sql":
		end = start + b.lat(900)
		op := c.stmt[:6]
		failed = b.r.Float64() < .003
		sp.Name = op + " shop"
		sp.Attributes = []*commonpb.KeyValue{
			str("db.system.name", "postgresql"), str("db.namespace", "shop"), str("db.query.text", c.stmt), str("db.operation.name", op),
			str("server.address", "pg-primary.shop.svc.cluster.local"), num("server.port", 5432), str("network.peer.address", "10.0.3.17"),
			num("db.response.returned_rows", int64(b.r.Intn(40))), num("thread.id", int64(b.r.Intn(64))),
		}
	default:
		end = start + b.lat(250)
		sp.Name = c.stmt[:4]
		sp.Attributes = []*commonpb.KeyValue{
			str("db.system.name", "redis"), str("db.namespace", "0"), str("db.query.text", c.stmt), str("db.operation.name", c.stmt[:4]),
			str("server.address", "redis-master.shop.svc.cluster.local"), num("server.port", 6379), str("network.peer.address", "10.0.3.21"),
			num("thread.id", int64(b.r.Intn(64))),
		}
	}
	sp.EndTimeUnixNano = end
	if failed {
		sp.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: "upstream failure"}
		sp.Attributes = append(sp.Attributes, str("error.type", "timeout"))
		if c.kind == "sql" {
			sp.Events = []*tracepb.Span_Event{{TimeUnixNano: end - 1000, Name: "exception", Attributes: []*commonpb.KeyValue{
				str("exception.type", "psycopg.errors.QueryCanceled"), str("exception.message", "canceling statement due to statement timeout"),
				str("exception.stacktrace", stacktrace)}}}
		}
	}
	b.add(svc, inst, sp)
	return end, failed
}

var userAgents = []string{
	"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
	"python-requests/2.32.3", "okhttp/4.12.0",
}

const stacktrace = `Traceback (most recent call last):
  File "/app/shop/db.py", line 118, in execute
    return self._conn.execute(stmt, params)
  File "/usr/lib/python3/site-packages/psycopg/connection.py", line 871, in execute
    raise ex.with_traceback(None)
psycopg.errors.QueryCanceled: canceling statement due to statement timeout
`

func (b *builder) trace(start uint64) {
	b.tid = b.id(16)
	x := b.r.Float64()
	route := 0
	switch {
	case x > .93:
		route = 3
	case x > .8:
		route = 2
	case x > .4:
		route = 1
	}
	b.serve("frontend", route, nil, start)
}

// buildTraces returns one ExportTraceServiceRequest of exactly n spans (the last trace may be cut).
func buildTraces(r *rand.Rand, n int) []byte {
	b := &builder{r: r}
	for len(b.out) < n {
		b.trace(baseNano + uint64(r.Intn(1000))*1_000_000)
	}
	b.out = b.out[:n]
	type key struct {
		s string
		i int
	}
	groups := map[key]*tracepb.ScopeSpans{}
	req := &coltrace.ExportTraceServiceRequest{}
	for _, name := range serviceNames { // a fixed order keeps bodies reproducible
		for inst := 0; inst < 3; inst++ {
			g := &tracepb.ScopeSpans{Scope: &commonpb.InstrumentationScope{Name: "io.opentelemetry.contrib." + shop[name].lang + ".http", Version: "0.54.0"}}
			groups[key{name, inst}] = g
			req.ResourceSpans = append(req.ResourceSpans, &tracepb.ResourceSpans{Resource: resourceOf(shop[name], inst), ScopeSpans: []*tracepb.ScopeSpans{g},
				SchemaUrl: "https://opentelemetry.io/schemas/1.26.0"})
		}
	}
	for _, s := range b.out {
		g := groups[key{s.svc, s.inst}]
		g.Spans = append(g.Spans, s.span)
	}
	keep := req.ResourceSpans[:0]
	for _, rs := range req.ResourceSpans {
		if len(rs.ScopeSpans[0].Spans) > 0 {
			keep = append(keep, rs)
		}
	}
	req.ResourceSpans = keep
	out, err := proto.Marshal(req)
	if err != nil {
		panic(err)
	}
	return out
}

var logTemplates = []struct {
	sev  logspb.SeverityNumber
	text string
	body func(r *rand.Rand) string
}{
	{logspb.SeverityNumber_SEVERITY_NUMBER_INFO, "INFO", func(r *rand.Rand) string {
		return fmt.Sprintf(`10.0.%d.%d - - "GET /product/%d HTTP/1.1" 200 %d %dms`, r.Intn(8), r.Intn(250), r.Intn(20000), 200+r.Intn(9000), 1+r.Intn(300))
	}},
	{logspb.SeverityNumber_SEVERITY_NUMBER_INFO, "INFO", func(r *rand.Rand) string {
		return fmt.Sprintf("order placed order_id=%08x user_id=user-%06d total_cents=%d currency=EUR items=%d", r.Uint32(), r.Intn(100000), 100+r.Intn(90000), 1+r.Intn(9))
	}},
	{logspb.SeverityNumber_SEVERITY_NUMBER_INFO, "INFO", func(r *rand.Rand) string {
		return fmt.Sprintf("cache hit key=catalog:list:%d age_s=%d", r.Intn(50), r.Intn(600))
	}},
	{logspb.SeverityNumber_SEVERITY_NUMBER_DEBUG, "DEBUG", func(r *rand.Rand) string {
		return fmt.Sprintf("acquired connection pool=pg-primary in_use=%d idle=%d wait_us=%d", r.Intn(30), r.Intn(10), r.Intn(4000))
	}},
	{logspb.SeverityNumber_SEVERITY_NUMBER_WARN, "WARN", func(r *rand.Rand) string {
		return fmt.Sprintf("slow query took %dms: SELECT id, name, price_cents FROM products WHERE category = %d ORDER BY rank LIMIT 20", 500+r.Intn(4000), r.Intn(80))
	}},
	{logspb.SeverityNumber_SEVERITY_NUMBER_ERROR, "ERROR", func(r *rand.Rand) string {
		return fmt.Sprintf("payment declined order_id=%08x code=%d retry=%d", r.Uint32(), 50+r.Intn(9), r.Intn(3)) + "\n" + stacktrace
	}},
}

// buildLogs returns one ExportLogsServiceRequest of n records.
func buildLogs(r *rand.Rand, n int) []byte {
	req := &collogs.ExportLogsServiceRequest{}
	var scopes []*logspb.ScopeLogs
	for _, name := range serviceNames {
		for inst := 0; inst < 3; inst++ {
			sl := &logspb.ScopeLogs{Scope: &commonpb.InstrumentationScope{Name: "app." + name}}
			scopes = append(scopes, sl)
			req.ResourceLogs = append(req.ResourceLogs, &logspb.ResourceLogs{Resource: resourceOf(shop[name], inst), ScopeLogs: []*logspb.ScopeLogs{sl}})
		}
	}
	for i := 0; i < n; i++ {
		x, t := r.Float64(), 0
		switch {
		case x > .99:
			t = 5
		case x > .96:
			t = 4
		case x > .8:
			t = 3
		case x > .6:
			t = 2
		case x > .5:
			t = 1
		}
		tpl := logTemplates[t]
		ts := baseNano + uint64(r.Intn(1000))*1_000_000 + uint64(i)
		rec := &logspb.LogRecord{TimeUnixNano: ts, ObservedTimeUnixNano: ts + 1_000_000, SeverityNumber: tpl.sev, SeverityText: tpl.text,
			Body:       &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: tpl.body(r)}},
			Attributes: []*commonpb.KeyValue{str("logger.name", "shop."+tpl.text), str("thread.name", fmt.Sprintf("worker-%d", r.Intn(16))), str("code.function.name", "handle"), num("code.line.number", int64(40+t))},
			TraceId:    make([]byte, 16), SpanId: make([]byte, 8), Flags: 1}
		binary.BigEndian.PutUint64(rec.TraceId, r.Uint64())
		binary.BigEndian.PutUint64(rec.TraceId[8:], r.Uint64())
		binary.BigEndian.PutUint64(rec.SpanId, r.Uint64())
		s := scopes[r.Intn(len(scopes))]
		s.LogRecords = append(s.LogRecords, rec)
	}
	out, err := proto.Marshal(req)
	if err != nil {
		panic(err)
	}
	return out
}

// metricGroups is how many bodies have series of their own; the next ones continue these.
const metricGroups = 10

// buildMetrics returns one ExportMetricsServiceRequest of n data points: counters, gauges and, one in twenty, histograms
// of ten buckets. Bodies of the same group have the same series.
func buildMetrics(r *rand.Rand, group, n int) []byte {
	req := &colmetrics.ExportMetricsServiceRequest{}
	start, at := baseNano-3600*1_000_000_000, baseNano
	for points := 0; points < n; {
		svc := serviceNames[len(req.ResourceMetrics)%len(serviceNames)]
		inst := group*100 + len(req.ResourceMetrics)/len(serviceNames)
		sm := &metricspb.ScopeMetrics{Scope: &commonpb.InstrumentationScope{Name: "io.opentelemetry.contrib." + shop[svc].lang}}
		for i, ep := range shop[svc].endpoints {
			attributes := []*commonpb.KeyValue{str("http.request.method", ep.method), str("http.route", ep.route)}
			count := &metricspb.Sum{IsMonotonic: true, AggregationTemporality: metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE}
			for _, status := range []int64{200, 404, 500} {
				count.DataPoints = append(count.DataPoints, &metricspb.NumberDataPoint{StartTimeUnixNano: start, TimeUnixNano: at,
					Attributes: append(append([]*commonpb.KeyValue{}, attributes...), num("http.response.status_code", status)),
					Value:      &metricspb.NumberDataPoint_AsInt{AsInt: int64(r.Intn(1_000_000))}})
			}
			sm.Metrics = append(sm.Metrics, &metricspb.Metric{Name: "http.server.requests", Unit: "{request}", Data: &metricspb.Metric_Sum{Sum: count}})
			points += 3
			if i == 0 && len(req.ResourceMetrics)%2 == 0 {
				bounds := []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5}
				counts, total := make([]uint64, len(bounds)+1), uint64(0)
				for j := range counts {
					counts[j] = uint64(r.Intn(10_000))
					total += counts[j]
				}
				sum := float64(total) * .04
				sm.Metrics = append(sm.Metrics, &metricspb.Metric{Name: "http.server.request.duration", Unit: "s", Data: &metricspb.Metric_Histogram{Histogram: &metricspb.Histogram{
					AggregationTemporality: metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE,
					DataPoints: []*metricspb.HistogramDataPoint{{StartTimeUnixNano: start, TimeUnixNano: at, Attributes: attributes, Count: total, Sum: &sum,
						ExplicitBounds: bounds, BucketCounts: counts}}}}})
				points++
			}
		}
		for _, name := range []string{"process.cpu.utilization", "process.memory.usage", "process.thread.count", "process.open_file_descriptor.count", "db.client.connection.count", "jvm.gc.pause"} {
			sm.Metrics = append(sm.Metrics, &metricspb.Metric{Name: name, Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{
				DataPoints: []*metricspb.NumberDataPoint{{TimeUnixNano: at, Attributes: []*commonpb.KeyValue{str("state", "used")},
					Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: float64(r.Intn(1_000_000)) / 1000}}}}}})
			points++
		}
		req.ResourceMetrics = append(req.ResourceMetrics, &metricspb.ResourceMetrics{Resource: resourceOf(shop[svc], inst), ScopeMetrics: []*metricspb.ScopeMetrics{sm}})
	}
	out, err := proto.Marshal(req)
	if err != nil {
		panic(err)
	}
	return out
}
