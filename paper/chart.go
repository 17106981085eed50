package paper

import (
	"math"
	"strconv"
	"strings"

	"github.com/govalues/decimal"
)

// The sizes of charts, in units of which 13 are the height of a text: as wide as a page, and as wide as a telephone.
const (
	wide, narrow           = 864.0, 340.0
	chartHeight            = 280.0
	chartTop, chartBottom  = 12.0, 34.0
	chartRight, labelShift = 8.0, 12.0 // from the right edge; from the lower one to the foot of the labels
	letter                 = 7.0       // how wide a letter is at most, about
	colours                = 6         // more series than these begin with the first colour again
)

// drawing is a chart as shapes, from the upper left corner on; HTML and PDF draw the same ones.
type drawing struct {
	Width, Height float64
	Left, Right   float64 // where the axis begins and ends
	Ticks         []tick
	Zero          float64 // where the line of zero is
	Labels        []label
	LabelY        float64
	Bars          []bar
	Lines         []line
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
	Colour     int
	X, Y, W, H float64
	Title      string
}

// line is a run of points without a gap.
type line struct {
	Colour int
	Points [][2]float64
}

// bounds are the lowest and the highest value; some is false where there is none.
func (c Chart) bounds() (low, high float64, some bool) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, s := range c.Series {
		for _, v := range s.Values[:min(len(s.Values), len(c.Labels))] {
			if v != nil {
				f, _ := v.Float64()
				low, high, some = min(low, f), max(high, f), true
			}
		}
	}
	return low, high, some
}

// Legend is the names of the series, where there are several.
func (c Chart) Legend() (names []string) {
	if len(c.Series) > 1 {
		for _, s := range c.Series {
			names = append(names, s.Name)
		}
	}
	return names
}

// draw places what a chart shows.
func (c Chart) draw(width float64) drawing {
	d := drawing{Width: width, Height: chartHeight, Right: width - chartRight, LabelY: chartHeight - labelShift}
	low, high, _ := c.bounds()
	low, high = min(low, 0), max(high, 0)
	step := roundStep((high - low) / 5)
	low, high = math.Floor(low/step)*step, math.Ceil(high/step)*step
	if high == low {
		high = low + step
	}
	y := func(v float64) float64 {
		return round(chartTop + (high-v)/(high-low)*(chartHeight-chartTop-chartBottom))
	}
	longest := 0
	for i := 0; i <= int(math.Round((high-low)/step)); i++ {
		v := low + float64(i)*step
		text := short(v, step, max(-low, high))
		d.Ticks = append(d.Ticks, tick{y(v), text})
		longest = max(longest, len([]rune(text)))
	}
	d.Zero, d.Left = y(0), float64(longest)*letter+12
	n := len(c.Labels)
	slot := (d.Right - d.Left) / float64(max(n, 1))
	center := func(i int) float64 { return round(d.Left + (float64(i)+0.5)*slot) }
	d.Labels = c.labels(d, slot, center)
	for k, s := range c.Series {
		values := s.Values[:min(len(s.Values), n)]
		if c.Line {
			for _, run := range runs(values, center, y) {
				d.Lines = append(d.Lines, line{k % colours, run})
			}
			continue
		}
		w := slot * 0.7 / float64(len(c.Series))
		w = min(w, 64) // few columns are not to be walls
		left := (slot - w*float64(len(c.Series))) / 2
		for i, v := range values {
			if v == nil {
				continue
			}
			f, _ := v.Float64()
			top, bottom := y(max(f, 0)), y(min(f, 0))
			title := strings.TrimSpace(c.Labels[i] + ": " + v.String() + " " + c.Unit)
			if s.Name != "" {
				title = s.Name + ", " + title
			}
			x := d.Left + float64(i)*slot + left + float64(k)*w
			d.Bars = append(d.Bars, bar{k % colours, round(x), top, max(round(w*0.92), 0.1), round(max(bottom-top, 0.5)), title})
		}
	}
	return d
}

// runs cuts values at their gaps.
func runs(values []*decimal.Decimal, center func(int) float64, y func(float64) float64) (all [][][2]float64) {
	open := false
	for i, v := range values {
		if v == nil {
			open = false
			continue
		}
		if !open {
			all, open = append(all, nil), true
		}
		f, _ := v.Float64()
		all[len(all)-1] = append(all[len(all)-1], [2]float64{center(i), y(f)})
	}
	for i, r := range all {
		if len(r) == 1 { // a single one is a short stroke
			all[i] = [][2]float64{{r[0][0] - 4, r[0][1]}, {r[0][0] + 4, r[0][1]}}
		}
	}
	return all
}

// labels writes as many labels as have room, shortened where they are long.
func (c Chart) labels(d drawing, slot float64, center func(int) float64) (all []label) {
	longest := 1
	for _, l := range c.Labels {
		longest = max(longest, len([]rune(l)))
	}
	most := longest
	if longest > 12 { // a name, not a month or a day
		most = max(8, int(slot/letter)-1)
	}
	need := float64(min(longest, most)+1) * letter
	every := max(1, int(math.Ceil(need/slot)))
	for i := 0; i < len(c.Labels); i += every {
		if center(i)+need/2 > d.Width+5 && i > 0 {
			break // it would stand out of the chart
		}
		text := c.Labels[i]
		if r := []rune(text); len(r) > most {
			text = strings.TrimRight(string(r[:most-1]), " ,") + "…"
		}
		all = append(all, label{center(i), text})
	}
	return all
}

// roundStep is the next of 1, 2, 2.5 or 5 times a power of ten.
func roundStep(f float64) float64 {
	if f <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(f)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if f <= m*power*1.0001 {
			return m * power
		}
	}
	return 10 * power
}

// short writes a tick of an axis that goes up to top: 1,500, 2.5, 1.2m. All of an axis have the same unit.
func short(v, step, top float64) string {
	unit, suffix := 1.0, ""
	for _, u := range []struct {
		unit   float64
		suffix string
	}{{1e12, "tn"}, {1e9, "bn"}, {1e6, "m"}} {
		if top >= u.unit {
			unit, suffix = u.unit, u.suffix
			break
		}
	}
	digits := 0
	for s := step / unit; digits < 9 && math.Abs(s-math.Round(s)) > 1e-6; digits++ {
		s *= 10
	}
	text := strconv.FormatFloat(math.Abs(v)/unit, 'f', digits, 64)
	if strings.Trim(text, "0.") == "" {
		return "0"
	}
	whole, fraction, found := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if found {
		whole += "." + fraction
	}
	if v < 0 {
		whole = "−" + whole
	}
	return whole + suffix
}

func round(f float64) float64 { return math.Round(f*10) / 10 }
