// Command brands makes category/tables/brands.tsv from the npm package name-suggestion-index (BSD-3-Clause): the brands
// whose kind of shop says what was bought there, with the countries they are found in. `make brands` runs it.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

const version = "8.0.20260918"

func main() {
	log.SetFlags(0)
	cache := flag.String("cache", filepath.Join(os.TempDir(), "insightgraph-brands"), "where the package is kept between runs")
	out := flag.String("out", "category/tables", "where the index goes")
	flag.Parse()
	if err := run(*cache, *out); err != nil {
		log.Fatalln("brands:", err)
	}
}

func run(cache, out string) error {
	dir := filepath.Join(cache, version, "node_modules", "name-suggestion-index")
	if _, err := os.Stat(dir); err != nil {
		npm := exec.Command("npm", "install", "--prefix", filepath.Join(cache, version), "--ignore-scripts", "--no-audit", "--no-fund", "--omit=peer", "name-suggestion-index@"+version)
		npm.Stdout, npm.Stderr = os.Stderr, os.Stderr
		if err := npm.Run(); err != nil {
			return fmt.Errorf("fetch name-suggestion-index %s with npm: %w", version, err)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "dist", "json", "nsi.min.json"))
	if err != nil {
		return err
	}
	var data struct {
		NSI map[string]folder `json:"nsi"`
	}
	if err := json.Unmarshal(text, &data); err != nil {
		return fmt.Errorf("read the index: %w", err)
	}
	notice, err := os.ReadFile(filepath.Join(dir, "LICENSE.md"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, "brands.LICENSE.txt"), notice, 0o644); err != nil {
		return err
	}
	table := fmt.Sprintf("# Made by `make brands` from name-suggestion-index %s; see brands.LICENSE.txt. Category, countries, names.\n", version) + convert(data.NSI)
	return os.WriteFile(filepath.Join(out, "brands.tsv"), []byte(table), 0o644)
}

type folder struct {
	Items []item `json:"items"`
}

type item struct {
	DisplayName string `json:"displayName"`
	LocationSet struct {
		Include []any `json:"include"`
	} `json:"locationSet"`
	MatchNames []string          `json:"matchNames"`
	Tags       map[string]string `json:"tags"`
}

// kinds maps the tags of OpenStreetMap to categories. Where one name has several tags in a country, the earlier one counts:
// a filling station with a shop is a filling station, a supermarket with a café a supermarket.
var kinds = []struct {
	category int
	tags     string
}{
	{201, "shop/supermarket shop/frozen_food shop/wholesale shop/health_food shop/organic shop/grocery"},
	{705, "shop/department_store shop/variety_store shop/general shop/charity shop/second_hand shop/mall shop/outpost"},
	{601, "amenity/fuel"},
	{202, "shop/convenience shop/kiosk"},
	{506, "shop/doityourself shop/hardware shop/trade shop/garden_centre shop/paint shop/tool_hire shop/flooring shop/tiles shop/bathroom_furnishing shop/agrarian shop/country_store shop/electrical shop/doors shop/fireplace shop/glaziery shop/swimming_pool shop/locksmith"},
	{505, "shop/furniture shop/houseware shop/bed shop/kitchen shop/interior_decoration shop/appliance shop/carpet shop/curtain shop/lighting shop/household_linen shop/window_blind shop/antiques"},
	{702, "shop/electronics shop/computer shop/hifi shop/video_games shop/camera shop/photo shop/vacuum_cleaner"},
	{801, "amenity/pharmacy shop/medical_supply shop/nutrition_supplements shop/herbalist"},
	{704, "shop/chemist shop/cosmetics shop/perfumery shop/hairdresser shop/beauty shop/hairdresser_supply shop/massage shop/nails shop/tattoo leisure/tanning_salon"},
	{301, "shop/clothes shop/fabric shop/tailor shop/fashion shop/boutique shop/wool"},
	{302, "shop/shoes"},
	{303, "shop/jewelry shop/watches shop/fashion_accessories shop/bag shop/leather"},
	{304, "shop/outdoor"},
	{708, "shop/sports shop/toys shop/craft shop/art shop/bicycle shop/musical_instrument shop/model shop/fishing shop/hunting shop/weapons shop/games shop/frame shop/trophy shop/sewing shop/party shop/surf shop/golf shop/scuba_diving shop/collector shop/boat shop/atv"},
	{703, "shop/books shop/newsagent shop/music shop/video"},
	{709, "shop/stationery shop/copyshop"},
	{706, "shop/gift shop/florist"},
	{707, "shop/pet shop/pet_grooming amenity/veterinary amenity/animal_boarding"},
	{204, "shop/alcohol shop/beverages shop/wine shop/tobacco shop/e-cigarette shop/cannabis"},
	{203, "shop/bakery shop/pastry shop/butcher shop/confectionery shop/greengrocer shop/seafood shop/deli shop/cheese shop/dairy shop/chocolate shop/coffee shop/tea shop/spices shop/nuts shop/farm shop/food shop/pasta shop/water shop/ice_cream shop/honey"},
	{402, "amenity/fast_food"},
	{403, "amenity/cafe amenity/ice_cream"},
	{404, "amenity/pub amenity/bar amenity/biergarten amenity/nightclub"},
	{401, "amenity/restaurant amenity/food_court"},
	{905, "tourism/hotel tourism/motel tourism/hostel tourism/apartment tourism/chalet tourism/camp_site tourism/caravan_site tourism/guest_house leisure/resort"},
	{904, "shop/travel_agency amenity/car_rental"},
	{603, "amenity/car_sharing amenity/bicycle_rental amenity/taxi amenity/scooter_rental amenity/kick-scooter_rental"},
	{604, "amenity/parking"},
	{606, "amenity/charging_station man_made/charge_point"},
	{605, "shop/car shop/car_repair shop/car_parts shop/tyres shop/motorcycle shop/caravan amenity/car_wash amenity/vehicle_inspection shop/truck shop/trailer shop/motorcycle_repair amenity/driving_school"},
	{1100, "office/insurance"},
	{803, "shop/optician amenity/dentist shop/hearing_aids"},
	{802, "amenity/clinic amenity/doctors amenity/hospital healthcare/laboratory healthcare/sample_collection healthcare/clinic healthcare/physiotherapist healthcare/counselling healthcare/audiologist healthcare/blood_donation"},
	{804, "leisure/fitness_centre leisure/sports_centre leisure/sports_hall leisure/dance leisure/sauna leisure/swimming_pool"},
	{901, "amenity/cinema leisure/bowling_alley leisure/amusement_arcade leisure/escape_game leisure/miniature_golf leisure/trampoline_park leisure/indoor_play leisure/water_park tourism/theme_park leisure/adult_gaming_centre amenity/theatre shop/ticket"},
	{903, "shop/bookmaker shop/lottery amenity/casino amenity/gambling"},
	{1001, "shop/mobile_phone shop/telecommunication office/telecommunication"},
	{503, "office/energy_supplier shop/gas office/water_utility shop/energy"},
	{1003, "amenity/post_office office/courier amenity/post_depot office/logistics"},
	{1203, "shop/money_lender"},
	{705, "shop/pawnbroker"},
	{1402, "office/tax_advisor office/coworking office/lawyer office/moving_company shop/rental"},
	{305, "shop/baby_goods"},
	{501, "office/estate_agent"},
	{1305, "office/union"},
	{1302, "amenity/prep_school amenity/language_school amenity/school amenity/college amenity/university office/educational_institution"},
	{1301, "amenity/kindergarten amenity/childcare"},
	{805, "amenity/nursing_home amenity/social_facility"},
	{1401, "shop/laundry shop/dry_cleaning shop/funeral_directors shop/storage_rental shop/shoe_repair shop/photo_studio"},
}

// convert is the table. Names of one kind and set of countries stay apart, so that each keeps its own spelling.
func convert(folders map[string]folder) string {
	type key struct{ name, country string }
	taken := map[key]int{} // which kind a name has in a country
	var lines []string
	for _, kind := range kinds {
		for _, tag := range strings.Fields(kind.tags) {
			for _, it := range folders["brands/"+tag].Items {
				where := countries(it.LocationSet.Include)
				if len(where) == 0 {
					continue
				}
				var names []string
				for _, name := range candidates(it) {
					if !usable(name) {
						continue
					}
					free := false
					for _, c := range where {
						k := key{strings.ToLower(name), c}
						if other, is := taken[k]; !is || other == kind.category {
							taken[k], free = kind.category, true
						}
					}
					if free && !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) }) {
						names = append(names, name)
					}
				}
				if len(names) == 0 {
					continue
				}
				place := strings.Join(where, " ")
				lines = append(lines, fmt.Sprintf("%d\t%s\t%s\n", kind.category, place, strings.Join(names, "|")))
			}
		}
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "")
}

// candidates are the names under which a brand may stand in bank text, the one to show first.
func candidates(it item) []string {
	var all []string
	show := it.Tags["brand"]
	for _, n := range []string{it.Tags["brand:en"], it.Tags["name:en"], it.Tags["name"], it.DisplayName} {
		if !usable(show) {
			show = n
		}
	}
	all = append(all, show)
	for _, tag := range []string{"name", "brand", "brand:en", "name:en", "short_name", "official_name"} {
		for n := range strings.SplitSeq(it.Tags[tag], ";") {
			all = append(all, strings.TrimSpace(n))
		}
	}
	return append(all, it.MatchNames...)
}

// usable names are written in letters that the categoriser can fold, and long enough to mean something.
func usable(name string) bool {
	letters := 0
	for _, r := range name {
		switch {
		case r == '|' || r == '\t' || r == '\n':
			return false
		case unicode.Is(unicode.Latin, r) || unicode.Is(unicode.Cyrillic, r) || unicode.Is(unicode.Greek, r):
			letters++
		case unicode.IsLetter(r):
			return false
		}
	}
	return letters >= 2
}

// regions are the UN codes of larger areas that the package uses.
var regions = map[string]string{
	"001": "*",
	"150": "at be bg by ch cz de dk ee es fi fr gb gr hr hu ie is it lt lu lv md nl no pl pt ro rs ru se si sk ua",
	"154": "dk ee fi gb ie is lt lv no se", "155": "at be ch de fr li lu mc nl", "039": "ad al ba es gr hr it me mk mt pt rs si sm", "151": "bg by cz hu md pl ro ru sk ua",
	"019": "ar bo br ca cl co cr ec gt mx pa pe us uy", "021": "ca us", "013": "cr gt hn mx ni pa sv", "005": "ar bo br cl co ec pe py uy ve",
	"419": "ar bo br cl co cr ec gt mx pa pe py uy", "003": "ca cr gt mx pa us", "029": "bb cu do ht jm pr tt",
	"002": "dz eg gh ke ma ng sn tn tz ug za", "015": "dz eg ly ma sd tn", "011": "ci gh ng sn", "014": "ke tz ug zm zw", "017": "ao cd cm ga", "018": "bw na sz za ls", "202": "ci gh ke ng sn tz ug za",
	"142": "ae cn hk id il in jp kr kw my ph qa sa sg th tr tw vn", "145": "ae bh il iq jo kw lb om qa sa tr ye", "035": "bn id kh la mm my ph sg th vn",
	"030": "cn hk jp kr mo mn tw", "034": "bd in lk np pk", "143": "kg kz tj tm uz", "009": "au nz fj pg", "053": "au nz",
}

// countries are the codes for a location set, "*" for the world.
func countries(include []any) []string {
	var all []string
	for _, place := range include {
		s, ok := place.(string)
		if !ok {
			continue // a point and its surroundings: one shop
		}
		s = strings.ToLower(s)
		switch region, known := regions[s]; {
		case known:
			all = append(all, strings.Fields(region)...)
		case s == "mainland china":
			all = append(all, "cn")
		case len(s) == 2, len(s) > 2 && s[2] == '-':
			all = append(all, s[:2])
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if slices.Contains(all, "*") {
		return []string{"*"}
	}
	return all
}
