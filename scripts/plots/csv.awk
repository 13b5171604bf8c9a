# CSV as hamtbench writes it: RFC 4180, one record a line.

# csv_split - the fields of a line into f[1 ..]; returns how many.
function csv_split(line, f,    part, n, i, out)
{
	if (index(line, "\"") == 0)
		return split(line, f, ",")
	# Between quotes are the even parts; an empty odd part inside is a doubled quote.
	n = split(line, part, "\"")
	out = ""
	for (i = 1; i <= n; i++) {
		if (i % 2 == 0)
			gsub(/,/, "\001", part[i])
		else if (part[i] == "" && i > 1 && i < n)
			part[i] = "\""
		out = out part[i]
	}
	n = split(out, f, ",")
	for (i = 1; i <= n; i++)
		gsub(/\001/, ",", f[i])
	return n
}

# csv_header - the columns of a header line: at[name] = number of the field.
function csv_header(line, at,    f, n, i)
{
	split("", at)
	n = csv_split(line, f)
	for (i = 1; i <= n; i++)
		at[f[i]] = i
}

# csv_need - a column that must be there: another one's meaning cannot be guessed.
function csv_need(at, names,    name, n, i)
{
	n = split(names, name, " ")
	for (i = 1; i <= n; i++)
		if (!(name[i] in at)) {
			print "plot.sh: " FILENAME ": no column " name[i] >"/dev/stderr"
			failed = 1
			exit 2
		}
}

# without_samples - why a picture over time has no curve.
function without_samples(samples)
{
	return samples == 0 ? "No sample was kept with these trials: imported results have none." : \
	    "Too few samples to draw: these trials are shorter than --sample-interval."
}

# without_curves - picture name is a note instead of curves, if it has none already: there is nothing of what to draw.
function without_curves(out, name, what,    facts)
{
	facts = out "/" name ".facts"
	printf "if (strlen(note) == 0) { note = '%s'; load '%s.note.facts' }\n", what, name >>facts
	close(facts)
}
