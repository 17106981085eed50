package paper

import (
	"math"
	"strconv"
	"strings"
)

// The size of a chart, in units of which 16 are a line of text on a wide page.
const (
	chartWidth, chartHeight = 720.0, 260.0
	chartLeft, chartRight   = 72.0, 8.0
	chartTop, chartBottom   = 12.0, 34.0
)

// drawing is a chart as shapes, from the upper left corner on; HTML and PDF draw the same ones.
type drawing struct {
	Ticks  []tick
	Zero   float64 // where the line of zero is
	Labels []label
	Bars   []bar
	Lines  []line
	Series []string // their names, where there are several
}

type tick struct {
	Y    float64
	Text string
}

type label struct {
	X    float64
	Text string
}

type bar struct {
	Series     int
	X, Y, W, H float64
	Title      string
}

// line is a run of points without a gap.
type line struct {
	Series int
	Points [][2]float64
}

// draw places what a chart shows.
func (c Chart) draw() (d drawing) {
	low, high := 0.0, 0.0
	for _, s := range c.Series {
		for _, v := range s.Values {
			if v != nil {
				f, _ := v.Float64()
				low, high = min(low, f), max(high, f)
			}
		}
	}
	step := roundStep((high - low) / 4)
	low, high = math.Floor(low/step)*step, math.Ceil(high/step)*step
	if high == low {
		high = low + step
	}
	y := func(v float64) float64 {
		return round(chartTop + (high-v)/(high-low)*(chartHeight-chartTop-chartBottom))
	}
	for i := 0; ; i++ {
		v := low + float64(i)*step
		if v > high+step/2 {
			break
		}
		d.Ticks = append(d.Ticks, tick{y(v), short(v, step)})
	}
	d.Zero = y(0)
	n := max(len(c.Labels), 1)
	slot := (chartWidth - chartLeft - chartRight) / float64(n)
	center := func(i int) float64 { return round(chartLeft + (float64(i)+0.5)*slot) }
	d.Labels = c.labels(center)
	for k, s := range c.Series {
		if len(c.Series) > 1 {
			d.Series = append(d.Series, s.Name)
		}
		if c.Line {
			d.Lines = append(d.Lines, s.line(k, center, y)...)
			continue
		}
		w := slot * 0.7 / float64(len(c.Series))
		for i, v := range s.Values {
			if v == nil || i >= n {
				continue
			}
			f, _ := v.Float64()
			top, bottom := y(max(f, 0)), y(min(f, 0))
			x := chartLeft + float64(i)*slot + slot*0.15 + float64(k)*w
			title := c.Labels[i] + ": " + v.String() + " " + c.Unit
			if s.Name != "" {
				title = s.Name + ", " + title
			}
			d.Bars = append(d.Bars, bar{k, round(x), top, round(max(w-1, 1)), round(max(bottom-top, 0.5)), title})
		}
	}
	return d
}

// line cuts a series at its gaps.
func (s Series) line(k int, center func(int) float64, y func(float64) float64) (runs []line) {
	var run [][2]float64
	for i, v := range s.Values {
		if v == nil {
			if run != nil {
				runs, run = append(runs, line{k, run}), nil
			}
			continue
		}
		f, _ := v.Float64()
		run = append(run, [2]float64{center(i), y(f)})
	}
	if run != nil {
		runs = append(runs, line{k, run})
	}
	for i, r := range runs {
		if len(r.Points) == 1 { // a single day is a short stroke
			p := r.Points[0]
			runs[i].Points = [][2]float64{{p[0] - 2, p[1]}, {p[0] + 2, p[1]}}
		}
	}
	return runs
}

// labels writes as many labels as have room.
func (c Chart) labels(center func(int) float64) (all []label) {
	const letter = 7.0
	longest := 1
	for _, l := range c.Labels {
		longest = max(longest, len([]rune(l)))
	}
	longest = min(longest, 12)
	room := max(1, int((chartWidth-chartLeft-chartRight)/(float64(longest)*letter+10)))
	every := (len(c.Labels) + room - 1) / room
	for i, l := range c.Labels {
		if i%max(every, 1) == 0 {
			if r := []rune(l); len(r) > 12 {
				l = string(r[:11]) + "…"
			}
			all = append(all, label{center(i), l})
		}
	}
	return all
}

// roundStep is the next of 1, 2, 2.5 or 5 times a power of ten.
func roundStep(f float64) float64 {
	if f <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(f)))
	for _, m := range []float64{1, 2, 2.5, 5, 10} {
		if f <= m*power*1.0001 {
			return m * power
		}
	}
	return 10 * power
}

// short writes a tick: 1,500, 2.5, 1.2M.
func short(v, step float64) string {
	unit, suffix := 1.0, ""
	switch size := max(math.Abs(v), step); {
	case size >= 1e9:
		unit, suffix = 1e9, "bn"
	case size >= 1e6:
		unit, suffix = 1e6, "m"
	}
	digits := 0
	for s := step / unit; digits < 3 && math.Abs(s-math.Round(s)) > 1e-9; digits++ {
		s *= 10
	}
	text := strconv.FormatFloat(math.Abs(v)/unit, 'f', digits, 64)
	whole, fraction, found := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if found {
		whole += "." + fraction
	}
	if v < 0 && strings.Trim(text, "0.") != "" {
		whole = "−" + whole
	}
	return whole + suffix
}

func round(f float64) float64 { return math.Round(f*10) / 10 }
